package runner

import (
	"time"

	"orchestrator/internal/leash"
)

// How often it is looked whether the node has put off the end: so many times in what is left, within these bounds.
const (
	looks     = 16
	shortLook = 20 * time.Millisecond
	longLook  = 250 * time.Millisecond
)

// What is kept of the time that is left, so that what must have ended by then has.
const (
	mostForKill = 500 * time.Millisecond // before validity ends
	mostForAck  = time.Second            // before a revocation's deadline
)

// limitsOf turns the moment up to which a session is held, as it is seen now, into what a leash is told. A node puts that off each quarter of its
// length: two of them may be late before a child is told to end.
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
