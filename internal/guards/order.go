//go:build !broken_order

package guards

// CopiesFirst is true; see the package's comment.
const CopiesFirst = true
