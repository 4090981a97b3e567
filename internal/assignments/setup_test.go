package assignments

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"orchestrator/internal/session"
)

var self = session.Holder{Node: "node-1", Incarnation: "00112233445566aa"}

// desk is a board under test inside a bubble of synctest: time moves when everybody waits.
type desk struct {
	*Board
	t *testing.T
}

// onBoard runs a test in a bubble, with the board's Run beside it.
func onBoard(t *testing.T, test func(t *testing.T, d desk)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, err := New(Config{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- b.Run(ctx) }()
		test(t, desk{b, t})
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

// trusting trusts the node for a while and draws a picture.
func (d desk) trusting(lasting time.Duration, held ...session.Assignment) {
	d.t.Helper()
	d.Trust(self, time.Now().Add(lasting))
	d.draw(held...)
}

func (d desk) draw(held ...session.Assignment) {
	d.t.Helper()
	if !d.Sync(d.Begin(), self, held) {
		d.t.Fatal("the picture was not taken")
	}
}

// follow opens a stream and takes its snapshot.
func (d desk) follow(want ...session.Assignment) *Follower {
	d.t.Helper()
	f, err := d.Follow()
	if err != nil {
		d.t.Fatal(err)
	}
	d.want(f, Snapshot, want...)
	return f
}

// told is an event as a test writes it: "assigned s1@3".
func told(ev Event) string {
	switch ev.Kind {
	case Snapshot:
		text := "snapshot"
		for _, a := range ev.Assignments {
			text += fmt.Sprintf(" %s@%d", a.Session.ID, a.Session.Stamp.Epoch)
		}
		return text
	case Assigned:
		return fmt.Sprintf("assigned %s@%d", ev.Assignment.Session.ID, ev.Assignment.Session.Stamp.Epoch)
	case Revoked:
		return fmt.Sprintf("revoked %s@%d", ev.ID, ev.Epoch)
	case End:
		return "end " + ev.Reason
	}
	return string(ev.Kind)
}

func (d desk) want(f *Follower, kind Kind, held ...session.Assignment) Event {
	d.t.Helper()
	text := string(kind)
	for _, a := range held {
		text += fmt.Sprintf(" %s@%d", a.Session.ID, a.Session.Stamp.Epoch)
	}
	return d.next(f, text)
}

// next takes the next event, which must be there already.
func (d desk) next(f *Follower, want string) Event {
	d.t.Helper()
	ev, ok, _ := f.take()
	if !ok {
		d.t.Fatalf("nothing is told, want %s", want)
	}
	if told(ev) != want {
		d.t.Fatalf("told %q, want %q", told(ev), want)
	}
	return ev
}

func (d desk) nothing(f *Follower) {
	d.t.Helper()
	if ev, ok, _ := f.take(); ok {
		d.t.Fatalf("told %q, want nothing", told(ev))
	}
}

func (d desk) over(f *Follower, reason string) {
	d.t.Helper()
	d.next(f, "end "+reason)
	if _, err := f.Next(d.t.Context()); !errors.Is(err, io.EOF) {
		d.t.Fatalf("after the end: %v", err)
	}
}

func (d desk) ack(f *Follower, held ...session.Assignment) {
	d.t.Helper()
	for _, a := range held {
		if err := d.Ack(f.watcher, Released{a.Session.ID, a.Session.Stamp.Epoch}); err != nil {
			d.t.Fatal(err)
		}
	}
}

// revoking is a Revoke under way.
type revoking struct {
	t       *testing.T
	cleared chan []session.ID
}

func (d desk) revoke(ctx context.Context, ids ...session.ID) revoking {
	r := revoking{d.t, make(chan []session.ID, 1)}
	go func() { r.cleared <- d.Revoke(ctx, ids...) }()
	synctest.Wait()
	return r
}

func (r revoking) waits() {
	r.t.Helper()
	if synctest.Wait(); len(r.cleared) > 0 {
		r.t.Fatalf("Revoke has returned: %v", <-r.cleared)
	}
}

func (r revoking) returns(want ...session.ID) {
	r.t.Helper()
	if synctest.Wait(); len(r.cleared) == 0 {
		r.t.Fatal("Revoke has not returned")
	}
	if cleared := <-r.cleared; fmt.Sprint(cleared) != fmt.Sprint(want) {
		r.t.Fatalf("cleared %v, want %v", cleared, want)
	}
}

func held(id session.ID, epoch uint64) session.Assignment {
	return session.Assignment{Session: session.Session{ID: id, Holder: self, Stamp: session.Stamp{Epoch: epoch, Version: 1, Op: "op"}}}
}
