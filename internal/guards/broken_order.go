//go:build broken_order

package guards

// CopiesFirst is off: this program breaks a promise on purpose.
const CopiesFirst = false
