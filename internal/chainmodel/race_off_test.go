//go:build !race

package chainmodel

const slowdown = 1
