package assignments

import (
	"time"

	"orchestrator/internal/session"
)

// Tick is when a picture was begun, in the board's own order.
type Tick uint64

// entry is one session as the board knows it.
type entry struct {
	held    session.Assignment // as the last picture had it
	owned   bool               // the node owns it
	revoked bool               // Revoke was called, and neither Restore nor Moved since
	moved   bool               // Moved was called, and no younger picture has come in since
	after   Tick               // pictures begun at or before it say nothing about this session
	seen    Tick               // of the last picture that had it

	grants  int     // followers that have been handed it and may hold it
	waiters []*wait // Revokes that wait until there are none
}

// wanted reports whether followers are to hold the session.
func (e *entry) wanted() bool { return e.owned && !e.revoked && !e.moved }

func (e *entry) epoch() uint64 { return e.held.Session.Stamp.Epoch }

// Begin is called before what the node owns is read; the answer goes to Sync with what was read, or to Abandon.
func (b *Board) Begin() Tick {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock++
	return b.clock
}

// Abandon says that what the node owns could not be read: the picture does not come, nor does one that was begun before it.
func (b *Board) Abandon(tick Tick) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.barrier = max(b.barrier, tick)
}

// Sync takes the whole picture of what the node owns as h, read since Begin returned tick. Sessions that are new are told assigned, those
// that are gone revoked with a deadline that is now, those with another epoch both. It returns false where the picture is not taken: the
// node is not trusted as h, or was not without a break since Begin, or a younger picture has been taken.
func (b *Board) Sync(tick Tick, h session.Holder, held []session.Assignment) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.lapse(now)
	if b.until.IsZero() || h != b.holder || tick <= b.barrier {
		return false
	}
	b.barrier, b.drawn = tick, true
	for _, a := range held {
		b.own(tick, a, now)
	}
	for id, e := range b.entries {
		if e.seen != tick && e.after < tick {
			b.lose(id, e, now)
		}
	}
	return true
}

func (b *Board) own(tick Tick, a session.Assignment, now time.Time) {
	e := b.entry(a.Session.ID)
	e.seen = tick
	if tick <= e.after {
		return
	}
	told := e.wanted() && e.epoch() == a.Session.Stamp.Epoch
	e.held, e.owned, e.moved = a, true, false
	if !told {
		b.tell(a.Session.ID, e, now)
	}
}

func (b *Board) lose(id session.ID, e *entry, now time.Time) {
	told := e.wanted()
	e.owned, e.moved = false, false
	if told {
		b.tell(id, e, now)
	}
	b.tidy(id, e)
}

// tell makes every follower's stream agree with the entry. deadline is when those that must let go of it must have stopped.
func (b *Board) tell(id session.ID, e *entry, deadline time.Time) {
	for _, f := range b.followers {
		if f.reason == "" && f.greeted {
			f.note(id, e, deadline)
		}
	}
	b.stir()
}

// entry returns what is known of a session, which may be nothing.
func (b *Board) entry(id session.ID) *entry {
	e := b.entries[id]
	if e == nil {
		e = &entry{}
		b.entries[id] = e
	}
	return e
}

// tidy forgets a session of which nothing needs to be known.
func (b *Board) tidy(id session.ID, e *entry) {
	if !e.owned && !e.revoked && !e.moved && e.grants == 0 {
		delete(b.entries, id)
	}
}
