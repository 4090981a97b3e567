//go:build !broken_brake

package guards

// Brake is true; see the package's comment.
const Brake = true
