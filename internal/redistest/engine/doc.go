// Package engine runs servers in containers where a Docker engine answers, and
// finds out by itself what works with that engine: whether it can pull, which
// image to use, whether the reaper of testcontainers may run and at which
// address a mapped port is reached. It is imported by tests' harnesses only.
//
// Containers share the machine's network and listen on loopback, so that a
// cluster's nodes, its clients and the test all use the same addresses. What
// was found out is kept for a few minutes, for the next test binary.
package engine
