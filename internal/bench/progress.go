package bench

import (
	"fmt"
	"time"
)

// tell writes a line a second of how far a phase is, until the function that it returns is called.
func (g *Generator) tell(phase string, r *recorder) (stop func()) {
	if g.Progress == nil {
		return func() {}
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for before := int64(0); ; {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			now := r.requests.Load()
			fmt.Fprintf(g.Progress, "%-5s %4.0fs %10d requests %8d/s %10d sessions %6d errors\n",
				phase, time.Since(r.began).Seconds(), now, now-before, r.sessions.Load(), r.errors.Load())
			before = now
		}
	}()
	return func() { close(over); <-ended }
}
