//go:build race

package chainmodel

// slowdown is what the race detector costs.
const slowdown = 8
