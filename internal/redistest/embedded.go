package redistest

import (
	"context"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Embedded starts an embedded server of the test's own, whose keys end as time passes, and returns its address. It needs nothing
// installed, and proves nothing about Redis: it shows that scripts run where `orchestrator dev` runs them.
func Embedded(tb testing.TB) string {
	tb.Helper()
	server := miniredis.RunT(tb)
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	ended := make(chan struct{})
	tb.Cleanup(func() { stop(); <-ended })
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				now := time.Now()
				server.FastForward(now.Sub(last))
				last = now
			}
		}
	}()
	return server.Addr()
}
