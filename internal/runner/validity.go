package runner

import (
	"context"
	"sync"
	"time"

	"orchestrator/internal/leash"
)

// What is kept of the time that is left, so that what must have ended by then has.
const (
	mostForKill = 500 * time.Millisecond // before validity ends
	mostForAck  = time.Second            // before a revocation's deadline
)

// limitsOf turns the moment up to which the node vouches into what a leash is told. A node puts it off each quarter of its length: two
// of them may be late before a child is told to end.
func limitsOf(now, until time.Time, grace time.Duration) leash.Limits {
	part := max(0, until.Sub(now)/8)
	kill := until.Add(-min(part, mostForKill))
	return leash.Limits{Term: kill.Add(-min(part, grace)), Kill: kill}
}

// killBy returns when a child must be killed whose session is to be let go by the deadline.
func killBy(now, deadline time.Time, grace time.Duration) time.Time {
	left := max(0, deadline.Sub(now))
	last := now.Add(left - min(left/4, mostForAck))
	if polite := now.Add(grace); polite.Before(last) {
		return polite
	}
	return last
}

// settleBy returns when the work after a child's end must be over, so that the acknowledgement is in time.
func settleBy(now, deadline time.Time) time.Time {
	left := max(0, deadline.Sub(now))
	return now.Add(left - min(left/8, mostForAck/2))
}

// local returns a moment of the wall clock as one of the monotonic clock, as both stand now.
func local(now, wall time.Time) time.Time { return now.Add(wall.Round(0).Sub(now.Round(0))) }

// validity is the last moment that the node vouched for, and tells who waits for another.
type validity struct {
	mu      sync.Mutex
	limits  leash.Limits
	changed chan struct{}
}

func (v *validity) set(l leash.Limits) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.limits = l
	if v.changed != nil {
		close(v.changed)
	}
	v.changed = make(chan struct{})
}

// get returns the limits and a channel that is closed when there are others.
func (v *validity) get() (leash.Limits, <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.limits, v.changed
}

// ahead waits until there is time to run; false: ctx has ended before.
func (v *validity) ahead(ctx context.Context) bool {
	for {
		limits, changed := v.get()
		if ctx.Err() == nil && time.Now().Before(limits.Term) {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
