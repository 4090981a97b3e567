package assignments

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"orchestrator/internal/session"
)

func TestFence(t *testing.T) {
	onBoard(t, func(t *testing.T, d desk) {
		if _, err := d.Follow(); !errors.Is(err, session.ErrFenced) {
			t.Errorf("before it is trusted: %v", err)
		}
		d.Trust(self, time.Now().Add(time.Second))
		if _, err := d.Follow(); !errors.Is(err, session.ErrFenced) {
			t.Errorf("before anything is known: %v", err)
		}
		d.draw(a1)
		f := d.follow(a1)
		read := d.Begin()
		waiting := make(chan error, 1)
		go func() {
			ev, err := f.Next(t.Context())
			waiting <- errors.Join(err, unless(told(ev) == "end "+Fenced, told(ev)))
		}()
		time.Sleep(time.Second)
		if err := <-waiting; err != nil {
			t.Error(err)
		}
		if d.Followed() {
			t.Error("somebody follows a fenced node")
		}
		if d.Sync(d.Begin(), self, nil) {
			t.Error("a picture is taken by a fenced node")
		}
		during := d.Begin()
		d.Trust(self, time.Now().Add(time.Minute))
		if d.Sync(read, self, []session.Assignment{a1}) || d.Sync(during, self, []session.Assignment{a1}) {
			t.Error("a picture begun before the trust is taken")
		}
		if _, err := d.Follow(); !errors.Is(err, session.ErrFenced) {
			t.Errorf("before a new picture: %v", err)
		}
		d.draw(b1)
		d.follow(b1).Close()
	})
}

// Nothing hangs on Run being on time: whoever comes first finds out.
func TestLapseIsSeenWithoutRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, err := New(Config{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		d := desk{b, t}
		for _, first := range []func(f *Follower){
			func(*Follower) { d.Trust(self, time.Now().Add(time.Second)) },
			func(*Follower) { d.Trust(self, time.Time{}) },
			func(*Follower) { d.Sync(d.Begin(), self, []session.Assignment{a1, b1}) },
			func(*Follower) { _, _ = d.Follow() },
			func(*Follower) {},
		} {
			d.trusting(time.Second, a1)
			f := d.follow(a1)
			time.Sleep(time.Second)
			first(f)
			d.over(f, Fenced)
		}
	})
}

// A revocation under way when the node is fenced is over: everybody has stopped.
func TestFenceEndsRevocations(t *testing.T) {
	onBoard(t, func(_ *testing.T, d desk) {
		d.trusting(time.Second, a1)
		f := d.follow(a1)
		r := d.revoke(d.t.Context(), "a")
		time.Sleep(time.Second)
		r.returns("a")
		d.over(f, Fenced)
		d.trusting(time.Hour, a1) // the mover has not said yet what became of it
		f = d.follow()
		d.Restore("a")
		d.want(f, Assigned, a1)
		f.Close()
	})
}

func TestWithdrawnTrust(t *testing.T) {
	onBoard(t, func(_ *testing.T, d desk) {
		d.trusting(time.Minute, a1)
		f := d.follow(a1)
		d.Trust(self, time.Time{})
		d.over(f, Fenced)
		r := d.revoke(d.t.Context(), "a")
		r.waits() // it was told a minute, and may not have seen the end
		time.Sleep(time.Minute)
		r.returns("a")
	})
}

// One incarnation does not live on another's time, and its pictures say nothing about the other's sessions.
func TestAnotherIncarnation(t *testing.T) {
	onBoard(t, func(t *testing.T, d desk) {
		d.trusting(time.Minute, a1, b1)
		f := d.follow(a1, b1)
		r := d.revoke(d.t.Context(), "b")
		next := session.Holder{Node: "node-1", Incarnation: "ffffffffffffffff"}
		before := d.Begin()
		d.Trust(next, time.Now().Add(time.Hour))
		d.over(f, Incarnation)
		if d.Sync(before, next, nil) || d.Sync(d.Begin(), self, []session.Assignment{a1}) {
			t.Error("a picture of another incarnation, or of before it, is taken")
		}
		if !d.Sync(d.Begin(), next, []session.Assignment{held("b", 2)}) {
			t.Error("the picture is refused")
		}
		g, err := d.Follow()
		if err != nil {
			t.Fatal(err)
		}
		if ev := d.want(g, Snapshot, held("b", 2)); ev.Holder != next {
			t.Errorf("%+v", ev.Holder)
		}
		time.Sleep(time.Minute)
		g.Close()
		r.returns() // its revocation went with the incarnation
	})
}
