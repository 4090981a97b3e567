//go:build !broken_stamp

package guards

// CompareStamps is true; see the package's comment.
const CompareStamps = true
