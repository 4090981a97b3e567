//go:build broken_brake

package guards

// Brake is off: this program breaks a promise on purpose.
const Brake = false
