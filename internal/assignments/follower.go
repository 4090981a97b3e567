package assignments

import (
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"slices"
	"time"

	"orchestrator/internal/session"
)

// Follower is one stream. Its fields belong to the board's lock.
type Follower struct {
	board   *Board
	watcher string
	wake    chan struct{} // there may be something to tell

	greeted bool      // the snapshot was handed out
	until   time.Time // the last until that was handed out
	reason  string    // why the stream has ended; empty: it has not
	over    bool      // that was handed out too, or nobody is there to take it

	grants  map[session.ID]*grant
	queue   []session.ID        // in the order of telling; it may hold some that are not queued any more, or are twice in it
	queued  map[session.ID]bool // sessions of which there is something to tell
	unacked []demand            // in the order of their limits; some may be settled
}

// grant is a session that a follower was handed and has not given back.
type grant struct {
	epoch    uint64
	revoked  bool      // and it was told so
	deadline time.Time // as it is told
	limit    time.Time // when the acknowledgement must be there; zero: none is asked for
}

type demand struct {
	id    session.ID
	limit time.Time
}

// Follow opens a stream. It fails with session.ErrFenced while the node holds nothing (not trusted, or no picture has come in since), with
// session.ErrDraining after End, and with a *session.LimitError where MaxFollowers are there already. Every follower ends in Close or Cut.
func (b *Board) Follow() (*Follower, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lapse(time.Now())
	n := b.open()
	switch {
	case b.ended:
		return nil, session.ErrDraining
	case !b.drawn:
		return nil, session.ErrFenced
	case n >= b.cfg.MaxFollowers:
		return nil, &session.LimitError{Thing: "followers of a node's assignments", Used: n, Limit: b.cfg.MaxFollowers, Advice: "end one"}
	}
	f := &Follower{
		board: b, watcher: rand.Text(), wake: make(chan struct{}, 1),
		grants: map[session.ID]*grant{}, queued: map[session.ID]bool{},
	}
	b.followers[f.watcher] = f
	return f, nil
}

// Next waits for the next event: the snapshot first, end last, io.EOF after it. It returns ctx's error when ctx ends. Once an event
// is returned its follower counts as told. One goroutine at a time may call it.
func (f *Follower) Next(ctx context.Context) (Event, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Event{}, err
		}
		ev, ok, over := f.take()
		switch {
		case ok:
			return ev, nil
		case over:
			return Event{}, io.EOF
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
		}
	}
}

// Close says that the follower itself has closed its connection: it holds nothing. Where something else may have ended it, that is Cut.
func (f *Follower) Close() {
	f.board.mu.Lock()
	defer f.board.mu.Unlock()
	f.board.cut(f, "closed")
	f.over = true
	f.board.drop(f)
}

// Cut ends a stream from this side: its follower cannot be reached and may hold what it was told until the last until that it was told.
func (f *Follower) Cut(reason string) {
	f.board.mu.Lock()
	defer f.board.mu.Unlock()
	f.board.cut(f, reason)
}

// Ack says that a follower has let go of sessions of which it was told revoked. What it was not told, or has acknowledged before, is passed
// over. It fails with session.ErrWatcherNotFound where there is no such stream.
func (b *Board) Ack(watcher string, released ...Released) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.followers[watcher]
	if f == nil {
		return session.ErrWatcherNotFound
	}
	now := time.Now()
	for _, r := range released {
		g := f.grants[r.ID]
		if g == nil || !g.revoked || g.epoch != r.Epoch {
			continue
		}
		b.release(f, r.ID)
		if e := b.entries[r.ID]; e != nil && f.reason == "" {
			f.note(r.ID, e, now)
		}
	}
	if f.reason != "" && len(f.grants) == 0 {
		b.drop(f)
	}
	return nil
}

// take returns what is to be told now; over: nothing will be any more.
func (f *Follower) take() (ev Event, ok, over bool) {
	f.board.mu.Lock()
	defer f.board.mu.Unlock()
	f.board.lapse(time.Now())
	switch {
	case f.over:
		return Event{}, false, true
	case f.reason != "":
		f.over = true
		return Event{Kind: End, Reason: f.reason}, true, true
	case !f.greeted:
		return f.snapshot(), true, false
	case f.board.until.After(f.until):
		f.until = f.board.until
		return Event{Kind: Valid, Until: lasts(f.until)}, true, false
	}
	for len(f.queue) > 0 {
		id := f.queue[0]
		f.queue = f.queue[1:]
		if f.queued[id] {
			delete(f.queued, id)
			return f.change(id), true, false
		}
	}
	return Event{}, false, false
}

func (f *Follower) snapshot() Event {
	b := f.board
	f.greeted, f.until = true, b.until
	ev := Event{Kind: Snapshot, Watcher: f.watcher, Holder: b.holder, Until: lasts(f.until)}
	for id, e := range b.entries {
		if e.wanted() {
			b.grant(f, id, e)
			ev.Assignments = append(ev.Assignments, e.held)
		}
	}
	slices.SortFunc(ev.Assignments, func(x, y session.Assignment) int { return cmp.Compare(x.Session.ID, y.Session.ID) })
	return ev
}

// change is what is to be told of one session that is queued.
func (f *Follower) change(id session.ID) Event {
	if g := f.grants[id]; g != nil {
		g.revoked = true
		return Event{Kind: Revoked, ID: id, Epoch: g.epoch, Deadline: wall(g.deadline)}
	}
	e := f.board.entries[id]
	f.board.grant(f, id, e)
	return Event{Kind: Assigned, Assignment: e.held}
}

// note looks at what the follower has of a session and what it should have. A session is queued exactly while there is something to
// tell of it: assigned where it has no grant, revoked where it has one that it was not told to give back.
func (f *Follower) note(id session.ID, e *entry, deadline time.Time) {
	g := f.grants[id]
	switch {
	case g == nil && e.wanted():
		f.enqueue(id)
	case g == nil: // taken away before it was told
		delete(f.queued, id)
	case g.revoked: // the acknowledgement comes first
	case e.wanted() && e.epoch() == g.epoch: // given back before it was told
		g.limit = time.Time{}
		delete(f.queued, id)
	case g.limit.IsZero():
		g.deadline, g.limit = deadline, time.Now().Add(f.board.cfg.RevokeTimeout)
		f.unacked = append(f.unacked, demand{id, g.limit})
		f.enqueue(id)
	}
}

// enqueue keeps the queue in proportion to what there is to tell, however much was taken back.
func (f *Follower) enqueue(id session.ID) {
	if f.queued[id] {
		return
	}
	if len(f.queue) > 2*len(f.queued)+64 {
		f.queue = slices.DeleteFunc(f.queue, func(id session.ID) bool { return !f.queued[id] })
	}
	f.queued[id] = true
	f.queue = append(f.queue, id)
	f.stir()
}

// overdue returns when the oldest acknowledgement that is asked for must be there; zero: none is.
func (f *Follower) overdue() time.Time {
	for len(f.unacked) > 0 {
		d := f.unacked[0]
		if g := f.grants[d.id]; g != nil && g.limit.Equal(d.limit) {
			return d.limit
		}
		f.unacked = f.unacked[1:]
	}
	return time.Time{}
}

func (f *Follower) stir() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}
