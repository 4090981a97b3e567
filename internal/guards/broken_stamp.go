//go:build broken_stamp

package guards

// CompareStamps is off: this program breaks a promise on purpose.
const CompareStamps = false
