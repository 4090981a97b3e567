//go:build broken_fencing

package guards

// SelfFencing is off: this program breaks a promise on purpose.
const SelfFencing = false
