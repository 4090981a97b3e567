package assignments

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"orchestrator/internal/session"
)

// obedient is a follower that keeps the rules, however slow it or its connection is. world's lock guards it.
type obedient struct {
	*member
	node  session.NodeID
	holds map[session.ID]uint64
	until time.Time
}

// follows connects again and again. A line of events stands for the connection: what the node has handed out travels on it for a while.
func (f *obedient) follows(ctx context.Context) {
	for ctx.Err() == nil {
		upTo(500 * time.Millisecond)
		f.runs()
		stream, err := f.board.Follow()
		if err != nil {
			continue
		}
		life, gone := context.WithCancel(ctx)
		line := make(chan Event, 10_000)
		var sender sync.WaitGroup
		sender.Go(func() { f.sends(life, stream, line) })
		f.reads(ctx, stream.watcher, line)
		gone()
		sender.Wait()
	}
}

// sends is the node's side of the connection.
func (f *obedient) sends(ctx context.Context, stream *Follower, line chan<- Event) {
	defer close(line)
	for {
		ev, err := stream.Next(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			if upTo(50 * time.Millisecond); rand.IntN(2) == 0 {
				stream.Cut("lost")
			} else {
				stream.Close()
			}
			return
		case err != nil: // the end was told, and nobody knows whether it was read
			f.world.mu.Lock()
			f.world.cuts++
			f.world.mu.Unlock()
			return
		case f.chance(1):
			stream.Cut("broken")
			return
		}
		line <- ev
		f.runs()
	}
}

// reads is the follower's side. It returns when it has dropped everything.
func (f *obedient) reads(ctx context.Context, watcher string, line <-chan Event) {
	var acks sync.WaitGroup
	defer acks.Wait()
	defer f.drop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case ev, open := <-line:
			if upTo(20 * time.Millisecond); f.chance(2) { // it, or the connection, is stopped for a while
				upTo(15 * time.Second)
			}
			if !open || !f.obeys(ev, timer) {
				return
			}
			if ev.Kind == Revoked {
				acks.Go(func() { f.lets(ctx, watcher, ev) })
			}
			if f.chance(1) {
				return // it goes away by itself
			}
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// obeys takes an event in; false: it is time to drop everything.
func (f *obedient) obeys(ev Event, timer *time.Timer) bool {
	w := f.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if ev.Kind != Snapshot && !time.Now().Before(f.until) {
		return false
	}
	switch ev.Kind {
	case Snapshot, Valid:
		f.until = ev.Until
		timer.Reset(time.Until(ev.Until))
		if !time.Now().Before(f.until) {
			return false
		}
		for _, a := range ev.Assignments {
			w.believes(f, a.Session.ID, a.Session.Stamp.Epoch)
		}
	case Assigned:
		w.believes(f, ev.Assignment.Session.ID, ev.Assignment.Session.Stamp.Epoch)
	case End:
		return false
	case Revoked:
	}
	return true
}

// lets stops a session, which takes its time, and acknowledges. Some never do; those must be cut off before anybody else begins.
func (f *obedient) lets(ctx context.Context, watcher string, ev Event) {
	if !f.chance(3) {
		upTo(500 * time.Millisecond)
	} else if upTo(9 * time.Second); ctx.Err() != nil {
		return
	}
	w := f.world
	w.mu.Lock()
	if f.holds[ev.ID] == ev.Epoch {
		delete(f.holds, ev.ID)
	}
	w.mu.Unlock()
	upTo(200 * time.Millisecond)
	f.runs()
	_ = f.board.Ack(watcher, Released{ev.ID, ev.Epoch})
}

func (f *obedient) drop() {
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	clear(f.holds)
	f.until = time.Time{}
}
