//go:build !broken_fencing

package guards

// SelfFencing is true; see the package's comment.
const SelfFencing = true
