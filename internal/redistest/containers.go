package redistest

import (
	"testing"

	"orchestrator/internal/redistest/engine"
)

// Containers returns the engine that servers run on, or nil where they are
// processes: whatever else a test starts goes the same way. The test is
// skipped, by name, where no real Redis was asked for.
func Containers(tb testing.TB) *engine.Engine {
	tb.Helper()
	if c, ok := require(tb).(*containers); ok {
		return c.engine
	}
	return nil
}
