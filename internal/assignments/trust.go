package assignments

import (
	"time"

	"orchestrator/internal/guards"
	"orchestrator/internal/session"
)

// Why a stream ends, beside the reasons given to End and Cut.
const (
	Fenced         = "fenced"         // the node's registration has ended
	Unacknowledged = "unacknowledged" // the follower did not acknowledge a revocation in time
	Incarnation    = "incarnation"    // the node registered anew: what it held before is gone
)

// Trust says that the node's registration as h lets it act until then: a local instant with its monotonic reading, renewed with every
// good beat. Read h before and after until, and pass them on only if h stayed the same: one incarnation must not live on another's time.
// Another h than before ends every stream; an until that is not ahead fences the node at once.
func (b *Board) Trust(h session.Holder, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.lapse(now)
	if h != b.holder {
		b.begin(h)
	}
	if !until.After(now) && guards.SelfFencing {
		b.fence()
		return
	}
	if b.until.IsZero() { // what was begun before was read while others might take this node's sessions, or for another incarnation
		b.barrier = b.clock
	}
	b.until = until
	if until.IsZero() {
		b.until = now
	}
	for _, f := range b.followers {
		f.stir()
	}
	b.stir()
}

// begin makes h the one that the board speaks for. Nothing that stood there for another one is left but grants not given back.
func (b *Board) begin(h session.Holder) {
	b.cutAll(Incarnation)
	for id, e := range b.entries {
		e.owned, e.revoked, e.moved = false, false, false
		b.tidy(id, e)
	}
	b.holder, b.until, b.drawn = h, time.Time{}, false
}

// lapse fences a node whose trust has passed. It is called before anything is told, so that safety does not hang on Run being on time.
func (b *Board) lapse(now time.Time) {
	if guards.SelfFencing && !b.until.IsZero() && !now.Before(b.until) {
		b.fence()
	}
}

// fence ends every stream and forgets what the node owned. Sessions under revocation stay so: whoever revoked them has not said yet
// what became of them.
func (b *Board) fence() {
	if b.until.IsZero() {
		return
	}
	if n := b.open(); n > 0 {
		b.cfg.Log.Warn("the node's registration has ended: its followers are told to stop", "followers", n)
	}
	b.cutAll(Fenced)
	for id, e := range b.entries {
		e.owned = false
		b.tidy(id, e)
	}
	b.until, b.drawn = time.Time{}, false
}

// pass does what is due and returns when the next thing is; zero: nothing waits for time.
func (b *Board) pass() (next time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.lapse(now)
	sooner := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if guards.SelfFencing && !b.until.IsZero() {
		sooner(b.until)
	}
	for _, f := range b.followers {
		if limit := f.overdue(); !limit.IsZero() && !now.Before(limit) {
			b.cfg.Log.Warn("a follower did not acknowledge in time and is cut off", "watcher", f.watcher, "lastsUntil", f.until)
			b.cut(f, Unacknowledged)
		} else if !limit.IsZero() {
			sooner(limit)
		}
		switch {
		case f.reason == "":
		case !now.Before(f.until):
			b.drop(f)
		default:
			sooner(f.until)
		}
	}
	return next
}

// farAway is what followers are told where self-fencing is off.
const farAway = 24 * time.Hour

// lasts returns until as followers are told it.
func lasts(until time.Time) time.Time {
	if !guards.SelfFencing {
		return time.Now().Add(farAway)
	}
	return wall(until)
}

// wall returns t by the wall clock as it stands now, and not as it stood when t was made.
func wall(t time.Time) time.Time {
	now := time.Now()
	return now.Add(t.Sub(now))
}
