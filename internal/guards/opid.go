//go:build !broken_opid

package guards

// RecognizeOps is true; see the package's comment.
const RecognizeOps = true
