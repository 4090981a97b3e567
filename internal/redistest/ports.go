package redistest

import (
	"testing"

	"orchestrator/internal/redistest/scratch"
)

// Port reserves a free loopback TCP port for something the test starts itself.
// No other test binary chooses it before the test ends.
func Port(tb testing.TB) int {
	tb.Helper()
	p, err := scratch.Reserve()
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	tb.Cleanup(p.Release)
	return p.Number
}
