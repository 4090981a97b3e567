package integration

import (
	"testing"

	"orchestrator/integration/clientsuite"
	"orchestrator/internal/redistest"
)

// The Go client does with a fleet of the built program what it does with the one in memory.
func TestTheGoClientOnAFleet(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 2, "--gossip-interval", "300ms", "--rebalance-rate", "0")
		clientsuite.Run(t, []string{f.url(0), f.url(1)})
	})
}
