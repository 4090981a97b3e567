// Package scratch keeps what a test binary has on the machine while it runs,
// its directories and its ports, apart from every other test binary's, and
// clears up after those that died. It is imported by tests' harnesses only.
//
// Everything rests on advisory file locks, which the kernel drops when their
// holder ends in whatever way: a directory or a port whose lock is free has no
// owner any more.
package scratch
