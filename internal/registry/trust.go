package registry

import (
	"math"
	"time"

	"orchestrator/internal/guards"
)

// trust remembers the last good beat.
type trust struct {
	sent    time.Time     // before it was sent, on the monotonic clock; zero: none
	latency time.Duration // until it was answered
	since   time.Time     // when trust began that has not lapsed since
	ends    time.Time     // when the registration that it renewed ends, by Redis's clock
}

// renewed is the trust after a good beat, answered now. The registration may have seemed to lapse by either clock: by this
// node's, if the beat came late, or by Redis's, if that was set forward.
func (t trust) renewed(sent, ends time.Time, limit time.Duration) trust {
	now := time.Now()
	if !t.holds(limit) || ends.Sub(t.ends) >= limit {
		t.since = now
	}
	return trust{sent, now.Sub(sent), t.since, ends}
}

func (t trust) age() time.Duration {
	if t.sent.IsZero() {
		return math.MaxInt64
	}
	return time.Since(t.sent)
}

// holds says whether a good beat is young enough. Without the guard trust that began does not lapse; it still ends where the node
// leaves, or finds itself dead.
func (t trust) holds(limit time.Duration) bool {
	return t.age() < limit || !guards.SelfFencing && !t.sent.IsZero()
}

// never is far enough away for trust that does not lapse.
const never = 365 * 24 * time.Hour

func (t trust) until(limit time.Duration) time.Time {
	switch {
	case !t.holds(limit):
		return time.Time{}
	case !guards.SelfFencing:
		return time.Now().Add(never)
	}
	return t.sent.Add(limit)
}

func (t trust) steady(limit time.Duration) time.Duration {
	if !t.holds(limit) {
		return 0
	}
	return time.Since(t.since)
}

func (r *Registry) trusts() trust {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trust
}

// trustLimit is the age of the last good beat at which trust ends.
func (r *Registry) trustLimit() time.Duration {
	return r.cfg.HeartbeatTimeout - r.cfg.HeartbeatTimeout/5
}

// judgesUntil is when, by Redis's clock, this node's word on others ends unless it beats again: three fifths of the timeout after
// the last good beat. Others that beat as this node does cannot have ended by then, even if Redis has served nobody since.
func (r *Registry) judgesUntil(t trust) time.Time { return t.ends.Add(-r.cfg.HeartbeatTimeout * 2 / 5) }
