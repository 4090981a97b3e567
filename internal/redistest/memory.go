package redistest

import (
	"context"
	"testing"
)

// LimitMemory sets every server's memory limit while it runs, in bytes; 0: none.
// What is refused then depends on maxmemory-policy.
func LimitMemory(tb testing.TB, r Redis, bytes int) {
	tb.Helper()
	for _, n := range r.Nodes() {
		n.do(tb, "limit the memory of", func(ctx context.Context) error { return n.configure(ctx, "maxmemory", bytes) })
	}
}
