package client

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"
)

// term is one stream. All that it told ends with it.
type term struct {
	f       *follower
	watcher string
	base    *address // of the node
	id      string   // of the node
	most    time.Duration
	until   atomic.Pointer[time.Time] // the node vouches for what it told until then, on our monotonic clock
	lapse   *time.Timer
	close   context.CancelFunc // ends the connection

	acks  []ack // to be sent
	ready chan struct{}
}

// read takes in what the stream tells, to its end. mine: it is we who will not go on.
func (t *term) read(s *stream) (mine bool, why error) {
	for {
		ev, err := s.next()
		if err != nil {
			return errors.Is(err, errTooLong), err
		}
		if ev.name == "end" {
			return false, errors.New("the node ended it: " + string(ev.data))
		}
		if err := t.f.takeIn(t, ev); err != nil {
			return true, err
		}
	}
}

// assignmentEvent is an event of a stream of assignments.
type assignmentEvent struct {
	Watcher     string
	Until       time.Time
	Assignments []Assignment
	ID          string
	Epoch       uint64
	Session     Session
	Deadline    time.Time
}

// takeIn takes in one event; those that this version does not know mean nothing. It fails where it cannot be read.
func (f *follower) takeIn(t *term, ev event) error {
	if !slices.Contains([]string{"snapshot", "valid", "assigned", "revoked"}, ev.name) {
		return nil
	}
	now := time.Now() // by both clocks at once: what is left of a moment is told from here on by the monotonic one
	var in assignmentEvent
	if err := decode(ev.data, &in); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch ev.name {
	case "snapshot":
		t.watcher = in.Watcher
		t.vouched(now, in.Until)
		for _, a := range in.Assignments {
			f.assigned(t, a)
		}
	case "valid":
		t.vouched(now, in.Until)
	case "assigned":
		f.assigned(t, Assignment{in.ID, in.Epoch, in.Session})
	case "revoked":
		f.revoked(t, in.ID, in.Epoch, now.Add(left(now, in.Deadline)))
	}
	return nil
}

// left is how far a moment of the wall clock is from now, by that clock.
func left(now, at time.Time) time.Duration { return at.Round(0).Sub(now.Round(0)) }

// vouched puts off the moment at which all ends. What the node cannot mean, it did not say: the wall clock was set in between.
func (t *term) vouched(now, until time.Time) {
	d := left(now, until)
	if t.most > 0 {
		d = min(d, t.most)
	}
	at := now.Add(d)
	t.until.Store(&at)
	if t.lapse == nil {
		t.lapse = time.AfterFunc(d, func() { t.f.lapsed(t) })
		return
	}
	t.lapse.Reset(d)
}

// lapsed ends a term whose time is over.
func (f *follower) lapsed(t *term) {
	if until := t.until.Load(); time.Now().Before(*until) { // it was put off meanwhile
		return
	}
	f.ended(t, ErrLapsed)
	t.close()
}

// begun makes a stream the one that counts.
func (f *follower) begun(t *term) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.term = t
}

// assigned takes in a session that is to be run. It is handed out once the caller has released what it had of it.
func (f *follower) assigned(t *term, a Assignment) {
	if f.term != t || f.ctx.Err() != nil || !validID(a.ID) {
		return
	}
	s := f.slots[a.ID]
	if s == nil {
		s = &slot{}
		f.slots[a.ID] = s
	}
	t.forget(a.ID)
	l := &Lease{session: a.Session, epoch: a.Epoch, term: t, revoked: make(chan struct{}), settled: make(chan struct{})}
	l.session.ID = a.ID
	ctx, end := context.WithCancelCause(f.ctx)
	l.ctx, l.end = &leaseContext{ctx, l}, end
	s.now = l
	if s.busy == nil {
		f.queue = append(f.queue, l)
		f.stir()
	}
}

// revoked takes in that a session is asked for back. What nobody runs here is let go of at once.
func (f *follower) revoked(t *term, id string, epoch uint64, limit time.Time) {
	if f.term != t {
		return
	}
	s := f.slots[id]
	if s == nil || s.now == nil || s.now.epoch != epoch {
		t.ack(ack{id, epoch, make(chan struct{})})
		return
	}
	l := s.now
	l.revoke(limit)
	if l.state != held && s.busy == nil {
		f.settle(s, l)
	}
}

// ended ends all that a stream has told. Once is enough.
func (f *follower) ended(t *term, why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.term != t {
		return
	}
	f.term = nil
	if t.lapse != nil {
		t.lapse.Stop()
	}
	cause := ErrStreamLost
	if errors.Is(why, ErrLapsed) {
		cause = ErrLapsed
	}
	for id, s := range f.slots {
		if l := s.now; l != nil {
			if l.isRevoked() {
				close(l.settled) // nobody waits for its acknowledgement any more
			}
			l.end(cause)
			if l.timer != nil {
				l.timer.Stop()
			}
			s.now = nil
		}
		if s.busy == nil {
			delete(f.slots, id)
		}
	}
	f.queue = nil
	for _, a := range t.acks {
		close(a.settled)
	}
	t.acks = nil
}
