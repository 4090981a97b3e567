//go:build broken_opid

package guards

// RecognizeOps is off: this program breaks a promise on purpose.
const RecognizeOps = false
