package assignments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"orchestrator/internal/session"
)

var a1, a2, b1 = held("a", 1), held("a", 2), held("b", 1)

func TestConfig(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	for _, cfg := range []Config{{}, {Log: log, RevokeTimeout: -1}, {Log: log, MaxFollowers: -1}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}

func TestPictureBecomesEvents(t *testing.T) {
	onBoard(t, func(_ *testing.T, d desk) {
		d.trusting(time.Hour, a1)
		f := d.follow(a1)
		d.nothing(f)
		d.draw(a1, b1)
		d.want(f, Assigned, b1)
		d.draw(b1)
		ev := d.want(f, Revoked, a1)
		if !ev.Deadline.Equal(time.Now()) {
			d.t.Errorf("what is gone already may be held until %s", ev.Deadline)
		}
		d.draw(b1)
		d.nothing(f)
		d.ack(f, a1)
		f.Close()
	})
}

func TestSnapshotSaysWhoAndUntilWhen(t *testing.T) {
	onBoard(t, func(t *testing.T, d desk) {
		d.trusting(time.Minute, b1, a1)
		f, err := d.Follow()
		if err != nil {
			t.Fatal(err)
		}
		ev := d.want(f, Snapshot, a1, b1)
		if ev.Holder != self || ev.Watcher == "" || !ev.Until.Equal(time.Now().Add(time.Minute)) {
			t.Errorf("%+v", ev)
		}
		time.Sleep(time.Second)
		d.Trust(self, time.Now().Add(time.Minute))
		d.Trust(self, time.Now().Add(time.Hour))
		if ev := d.want(f, Valid); !ev.Until.Equal(time.Now().Add(time.Hour)) {
			t.Errorf("valid until %s", ev.Until)
		}
		d.nothing(f)
		f.Close()
	})
}

// Another epoch is another grant: the former one is given back before the next is handed out.
func TestAnotherEpoch(t *testing.T) {
	onBoard(t, func(_ *testing.T, d desk) {
		d.trusting(time.Hour, a1)
		f := d.follow(a1)
		d.draw(a2)
		d.want(f, Revoked, a1)
		d.nothing(f)
		d.ack(f, a2) // not what was revoked
		d.nothing(f)
		d.ack(f, a1)
		d.want(f, Assigned, a2)
		d.ack(f, a1, a2) // sent again, and not asked for
		r := d.revoke(d.t.Context(), "a")
		r.waits()
		d.want(f, Revoked, a2)
		d.ack(f, a1)
		r.waits()
		d.ack(f, a2)
		r.returns("a")
		f.Close()
	})
}

func TestFollowersAreLimited(t *testing.T) {
	onBoard(t, func(t *testing.T, d desk) {
		d.trusting(time.Hour, a1)
		var all []*Follower
		for range DefaultMaxFollowers {
			all = append(all, d.follow(a1))
		}
		var limit *session.LimitError
		if _, err := d.Follow(); !errors.As(err, &limit) || limit.Used != DefaultMaxFollowers || limit.Limit != DefaultMaxFollowers {
			t.Fatal(err)
		}
		all[0].Close()
		all[0] = d.follow(a1)
		for _, f := range all {
			f.Close()
		}
	})
}

func TestEnd(t *testing.T) {
	onBoard(t, func(t *testing.T, d desk) {
		d.trusting(time.Minute, a1)
		f, g := d.follow(a1), d.follow(a1)
		f.Close()
		d.End("stopping")
		d.over(g, "stopping")
		if _, err := d.Follow(); !errors.Is(err, session.ErrDraining) {
			t.Error(err)
		}
		if _, err := f.Next(t.Context()); err == nil {
			t.Error("a closed stream goes on")
		}
		r := d.revoke(t.Context(), "a")
		r.waits()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.Released(short); err == nil {
			t.Error("released while somebody may hold a session")
		}
		if err := d.Released(t.Context()); err != nil {
			t.Error(err)
		}
		r.returns("a")
	})
}

// What a follower that takes nothing costs is in proportion to the sessions there are, not to those that came and went.
func TestSlowFollower(t *testing.T) {
	onBoard(t, func(t *testing.T, d desk) {
		d.trusting(time.Hour, a1)
		f := d.follow(a1)
		for i := range 2000 {
			d.draw(a1, held(session.ID(fmt.Sprint(i)), 1), held("again", uint64(i+1)))
			d.draw(a1)
		}
		d.mu.Lock()
		if len(f.queue) > 100 || len(f.queued) != 0 || len(d.entries) != 1 {
			t.Errorf("queue %d, queued %d, entries %d", len(f.queue), len(f.queued), len(d.entries))
		}
		d.mu.Unlock()
		d.nothing(f)
		f.Close()
	})
}

func TestNextEndsWithItsContext(t *testing.T) {
	onBoard(t, func(t *testing.T, d desk) {
		d.trusting(time.Hour, a1)
		f := d.follow(a1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := f.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		f.Close()
	})
}

func unless(ok bool, text string) error {
	if ok {
		return nil
	}
	return errors.New(text)
}
