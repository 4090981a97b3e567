package assignments

import (
	"context"
	"slices"
	"time"

	"orchestrator/internal/session"
)

// wait is a Revoke that waits: left counts its sessions that somebody may hold.
type wait struct {
	left int
	done chan struct{} // closed when left is 0
}

// Revoke makes every follower let go of the sessions and returns those that none holds any more: all of them, unless ctx ended before. Where
// nobody follows it returns at once. A follower that does not acknowledge within RevokeTimeout is cut off; Revoke returns when the last until
// that it was told has passed.
//
// The sessions stay revoked, whatever pictures say. The caller owes a Restore or a Moved for each that it named, cleared or not.
func (b *Board) Revoke(ctx context.Context, ids ...session.ID) (cleared []session.ID) {
	w, more := b.withdraw(ids)
	for more {
		timer := timerAt(b.pass())
		select {
		case <-w.done:
			more = false
		case <-ctx.Done():
			more = false
		case <-timer.C:
		}
		timer.Stop()
	}
	return b.collect(w, ids)
}

// withdraw tells every follower to let go; more says that somebody has something yet.
func (b *Board) withdraw(ids []session.ID) (w *wait, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	deadline := time.Now().Add(b.cfg.RevokeTimeout)
	w = &wait{done: make(chan struct{})}
	for _, id := range ids {
		e := b.entry(id)
		e.revoked, e.moved, e.after = true, false, b.clock
		b.tell(id, e, deadline)
		if e.grants > 0 {
			e.waiters = append(e.waiters, w)
			w.left++
		}
	}
	return w, w.left > 0
}

func (b *Board) collect(w *wait, ids []session.ID) (cleared []session.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		e := b.entries[id]
		if e == nil {
			continue
		}
		e.waiters = slices.DeleteFunc(e.waiters, func(other *wait) bool { return other == w })
		if e.grants == 0 && (e.revoked || e.moved) {
			cleared = append(cleared, id)
		}
	}
	return cleared
}

// Restore takes revocations back: the sessions did not move. Those that the node owns by the last picture are told assigned again.
func (b *Board) Restore(ids ...session.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for _, id := range ids {
		e := b.entries[id]
		if e == nil || !e.revoked {
			continue
		}
		e.revoked, e.after = false, b.clock
		b.tell(id, e, now)
		b.tidy(id, e)
	}
}

// Moved says that the sessions belong to somebody else now. Only a picture that is begun from now on can bring them back.
func (b *Board) Moved(ids ...session.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for _, id := range ids {
		e := b.entry(id)
		e.owned, e.revoked, e.after = false, false, b.clock
		e.moved = b.clock > b.barrier || e.grants > 0 // else no picture begun before can come any more, and nobody asks
		b.tell(id, e, now)
		b.tidy(id, e)
	}
}

// grant notes that a follower is handed a session.
func (b *Board) grant(f *Follower, id session.ID, e *entry) {
	f.grants[id] = &grant{epoch: e.epoch()}
	e.grants++
}

// release notes that a follower does not hold a session any more.
func (b *Board) release(f *Follower, id session.ID) {
	delete(f.grants, id)
	e := b.entries[id]
	if e.grants--; e.grants > 0 {
		return
	}
	for _, w := range e.waiters {
		if w.left--; w.left == 0 {
			close(w.done)
		}
	}
	e.waiters = nil
	b.tidy(id, e)
}
