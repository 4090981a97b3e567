package assignments

import (
	"context"
	"errors"
	"testing"
	"time"

	"orchestrator/internal/session"
)

func TestWhatWasNotDeliveredIsNotTold(t *testing.T) {
	onBoard(t, func(_ *testing.T, d desk) {
		d.trusting(time.Hour)
		f := d.follow()
		d.draw(a1, b1)
		d.revoke(d.t.Context(), "a").returns("a")
		d.want(f, Assigned, b1)
		d.nothing(f)
		d.Restore("a")
		d.want(f, Assigned, a1)

		ctx, cancel := context.WithCancel(d.t.Context())
		r := d.revoke(ctx, "a", "b")
		cancel()
		r.returns()
		d.Restore("a", "b")
		d.nothing(f) // revoked and restored before it was told
		time.Sleep(time.Minute)
		d.nothing(f) // and no acknowledgement is missed
		f.Close()
	})
}

func TestRevokeWaitsForEveryFollower(t *testing.T) {
	onBoard(t, func(_ *testing.T, d desk) {
		d.revoke(d.t.Context(), "a").returns("a") // nobody follows
		d.Restore("a")
		d.trusting(time.Hour, a1, b1)
		one, two, three := d.follow(a1, b1), d.follow(a1, b1), d.follow(a1, b1)
		r := d.revoke(d.t.Context(), "a")
		late := d.follow(b1) // which is not told of it
		ev := d.want(one, Revoked, a1)
		if !ev.Deadline.Equal(time.Now().Add(DefaultRevokeTimeout)) {
			d.t.Errorf("deadline %s", ev.Deadline)
		}
		d.want(two, Revoked, a1)
		d.ack(one, a1)
		d.ack(one, a1)
		r.waits()
		d.ack(two, a1)
		r.waits() // the third has not even taken the event
		three.Close()
		r.returns("a")
		d.draw(a1, b1)
		d.nothing(one) // still revoked
		d.Restore("a")
		d.want(one, Assigned, a1)
		for _, f := range []*Follower{one, two, late} {
			f.Close()
		}
	})
}

func TestRevokeEndsWithItsContext(t *testing.T) {
	onBoard(t, func(_ *testing.T, d desk) {
		d.trusting(time.Hour, a1, b1)
		f := d.follow(a1, b1)
		ctx, cancel := context.WithCancel(d.t.Context())
		r := d.revoke(ctx, "a", "b")
		d.want(f, Revoked, a1)
		d.ack(f, a1)
		r.waits()
		cancel()
		r.returns("a")
		d.revoke(ctx, "a").returns("a")
		d.Moved("a")
		d.Restore("b")
		d.nothing(f)
		f.Close()
	})
}

// A picture that was begun before a session was moved must not bring it back.
func TestStalePictures(t *testing.T) {
	onBoard(t, func(_ *testing.T, d desk) {
		d.trusting(time.Hour, a1, b1)
		f := d.follow(a1, b1)
		before := d.Begin()
		r := d.revoke(d.t.Context(), "a")
		d.want(f, Revoked, a1)
		d.ack(f, a1)
		r.returns("a")
		between := d.Begin()
		d.Moved("a")
		if !d.Sync(before, self, []session.Assignment{a1, b1}) || !d.Sync(between, self, []session.Assignment{a1, b1}) {
			d.t.Error("a picture says nothing of one session, yet all of it is refused")
		}
		d.nothing(f)
		older, younger := d.Begin(), d.Begin()
		d.Sync(younger, self, []session.Assignment{b1})
		if d.Sync(older, self, []session.Assignment{a1, b1}) {
			d.t.Error("an older picture is taken after a younger one")
		}
		d.nothing(f)
		d.draw(held("a", 3), b1) // it came back
		d.want(f, Assigned, held("a", 3))
		f.Close()
	})
}

// Where nobody follows, and no picture is under way any more, nothing needs to be known of what has moved.
func TestAnAbandonedPictureIsNotWaitedFor(t *testing.T) {
	onBoard(t, func(_ *testing.T, d desk) {
		d.trusting(time.Hour)
		tick := d.Begin()
		d.Abandon(tick)
		d.Moved("a")
		if len(d.entries) != 0 {
			d.t.Errorf("%d sessions are remembered", len(d.entries))
		}
		if d.Sync(tick, self, []session.Assignment{a1}) {
			d.t.Error("it is taken all the same")
		}
	})
}

// A picture begun before a revocation was taken back knows nothing of the session either way.
func TestPictureOlderThanRestore(t *testing.T) {
	onBoard(t, func(_ *testing.T, d desk) {
		d.trusting(time.Hour)
		f := d.follow()
		d.draw(a1)
		tick := d.Begin()
		d.revoke(d.t.Context(), "a").returns("a")
		d.Restore("a")
		d.Sync(tick, self, nil)
		d.want(f, Assigned, a1)
		d.draw()
		d.want(f, Revoked, a1)
		f.Close()
	})
}

func TestRestoreOfWhatIsGone(t *testing.T) {
	onBoard(t, func(_ *testing.T, d desk) {
		d.trusting(time.Hour, a1)
		d.revoke(d.t.Context(), "a").returns("a")
		d.draw() // deleted meanwhile
		d.Restore("a", "never heard of")
		f := d.follow()
		d.nothing(f)
		f.Close()
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.entries) != 0 {
			d.t.Errorf("%d entries are left", len(d.entries))
		}
	})
}

func TestUnacknowledgedIsCutOff(t *testing.T) {
	onBoard(t, func(t *testing.T, d desk) {
		start := time.Now()
		d.trusting(8*time.Second, a1, b1)
		f := d.follow(a1, b1)
		r := d.revoke(d.t.Context(), "a", "b")
		d.want(f, Revoked, a1)
		d.want(f, Revoked, b1)
		d.ack(f, a1)
		time.Sleep(DefaultRevokeTimeout - 1)
		d.nothing(f)
		time.Sleep(2 * time.Nanosecond)
		d.Trust(self, start.Add(time.Hour)) // of which it is not told any more
		d.over(f, Unacknowledged)
		if d.Count() != 0 || !d.Followed() {
			t.Errorf("%d open, followed: %t", d.Count(), d.Followed())
		}
		time.Sleep(time.Until(start.Add(8*time.Second)) - 1)
		r.waits()
		time.Sleep(time.Nanosecond)
		r.returns("a", "b")
		if d.Followed() {
			t.Error("the follower has stopped by itself and is still waited for")
		}
		if err := d.Ack(f.watcher, Released{"b", 1}); !errors.Is(err, session.ErrWatcherNotFound) {
			t.Error(err)
		}
	})
}

// What it gives back late it gives back nevertheless; one that closes its connection holds nothing.
func TestCutOffAndBack(t *testing.T) {
	onBoard(t, func(_ *testing.T, d desk) {
		for _, back := range []func(f *Follower){func(f *Follower) { d.ack(f, a1) }, (*Follower).Close} {
			d.trusting(time.Hour, a1)
			f := d.follow(a1)
			r := d.revoke(d.t.Context(), "a")
			d.want(f, Revoked, a1)
			time.Sleep(DefaultRevokeTimeout + 1)
			r.waits()
			back(f)
			r.returns("a")
			d.Restore("a")
			if d.Followed() {
				d.t.Error("it is still waited for")
			}
		}
	})
}

// A stream that broke on this side says nothing about what the other side believes.
func TestBrokenStream(t *testing.T) {
	onBoard(t, func(_ *testing.T, d desk) {
		d.trusting(3*time.Second, a1)
		f := d.follow(a1)
		f.Cut("the connection broke")
		r := d.revoke(d.t.Context(), "a")
		r.waits()
		time.Sleep(time.Second)
		d.Trust(self, time.Now().Add(time.Hour))
		time.Sleep(2*time.Second - 1)
		r.waits()
		time.Sleep(time.Nanosecond)
		r.returns("a")
	})
}

// The acknowledgement of what a picture took away is asked for as well: else nobody would know who holds what.
func TestGoneAndUnacknowledged(t *testing.T) {
	onBoard(t, func(_ *testing.T, d desk) {
		d.trusting(time.Minute, a1)
		f := d.follow(a1)
		d.draw()
		d.want(f, Revoked, a1)
		time.Sleep(DefaultRevokeTimeout + 1)
		d.over(f, Unacknowledged)
		f.Close()
	})
}

// A board that nobody reads keeps nothing of what has moved away: no picture is under way that could bring it back.
func TestWhatMovedIsForgottenWhereNothingCanBringItBack(t *testing.T) {
	onBoard(t, func(t *testing.T, d desk) {
		d.trusting(time.Hour, a1)
		if left := d.Revoke(t.Context(), "a", "b"); len(left) != 2 {
			t.Fatal(left)
		}
		d.Moved("a", "b")
		if n := len(d.entries); n != 0 {
			t.Errorf("%d sessions are remembered", n)
		}
		read := d.Begin()
		d.Revoke(t.Context(), "a")
		d.Moved("a")
		if !d.Sync(read, self, []session.Assignment{a1}) {
			t.Fatal("the picture was not taken")
		}
		d.follow().Close()
		d.draw(a1)
		d.follow(a1).Close()
	})
}
