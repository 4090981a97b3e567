// Package harness starts the built orchestrator and the shipped HAProxy
// configuration for integration tests. It is imported by _test.go files only.
//
// Where Redis comes from is the choice of internal/redistest, and HAProxy goes
// the same way, in a container or as a process. The orchestrator is always a
// process on loopback, so that a test can kill, stop and continue it by signal.
// Everything started ends with its test, and with the test binary if that dies.
package harness
