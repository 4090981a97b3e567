package lease

import (
	"errors"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// TestALostReplyIsNoRefusal drops the reply of each call in turn: redsync alone answers "taken" to its own lease.
func TestALostReplyIsNoRefusal(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		drop, prefix := redistest.DropReplies(), redistest.Prefix(t)
		b := open(t, prefix, 0, redisx.Options{Seeds: r.Addrs(), Dial: drop.Dial})
		ctx, id, dropped := t.Context(), newID(), 0
		b.own(id, alice, 7)
		b.everyScript(id) // so that the first call by digest is executed
		step := func(what string, match redistest.Match, fn func() error) {
			t.Helper()
			dropped++
			drop.Arm(1, match.Holding(b.keys.Lease(id)))
			if err := fn(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if drop.Dropped() != dropped {
				t.Errorf("%s: %d replies dropped, want %d", what, drop.Dropped(), dropped)
			}
		}
		held := func(want string) {
			t.Helper()
			if got := b.value(id); got != want {
				t.Errorf("the key holds %q, want %q", got, want)
			}
		}
		var l *Lease
		step("take", redistest.Script(takeSource), func() (err error) { l, err = b.Take(ctx, id, alice, 7); return err })
		held(session.LeaseValue(alice, 7))
		scripts := anyScript(takeSource, takeFromSource, renewSource)
		step("renew", redistest.Script(renewSource), func() error {
			out, err := b.Renew(ctx, b.keys.Partition(id), alice, []Renewal{{id, 7}})
			if err == nil && !out[0].Renewed {
				t.Errorf("renew: %+v", out[0])
			}
			return err
		})
		held(session.LeaseValue(alice, 7))
		step("takefrom", redistest.Script(takeFromSource), func() (err error) {
			l, err = b.TakeFrom(ctx, id, alice, 7, bob, 8)
			return err
		})
		held(session.LeaseValue(bob, 8))
		step("release", scripts, func() error { return l.Release(ctx) })
		held("")
	})
}

// anyScript matches every script but these: redsync's own.
func anyScript(ours ...string) redistest.Match {
	return func(args [][]byte) bool {
		for _, source := range ours {
			if redistest.Script(source)(args) {
				return false
			}
		}
		return strings.HasPrefix(strings.ToLower(string(args[0])), "eval")
	}
}

// TestUnreachableIsNotLost takes the server away under a holder.
func TestUnreachableIsNotLost(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	b := open(t, "away", 0, redisx.Options{Seeds: server.Addrs(), Patience: 100 * time.Millisecond})
	ctx, id := t.Context(), newID()
	l := b.take(id, alice, 7)
	server.Node().Kill(t)
	_, takeErr := b.Take(ctx, newID(), alice, 1)
	_, fromErr := b.TakeFrom(ctx, id, alice, 7, bob, 8)
	out, renewErr := b.Renew(ctx, b.keys.Partition(id), alice, []Renewal{{id, 7}})
	_, _, _, getErr := b.Get(ctx, id)
	for what, err := range map[string]error{
		"take": takeErr, "takefrom": fromErr, "renew": renewErr, "get": getErr,
	} {
		var away *session.UnavailableError
		if !errors.As(err, &away) || errors.Is(err, session.ErrLeaseLost) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if len(out) != 0 {
		t.Errorf("renew has outcomes: %+v", out)
	}
	var away *session.UnavailableError
	if err := l.Release(ctx); !errors.As(err, &away) {
		t.Errorf("release: got %v", err)
	}
}

// TestAFullRedisLosesNoLease has a server over its limit.
func TestAFullRedisLosesNoLease(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t, redistest.MaxMemory(64<<20, "noeviction"))
	b := open(t, "full", 0, redisx.Options{Seeds: server.Addrs()})
	ctx := t.Context()
	held, lapsed, dead := newID(), newID(), newID()
	b.own(held, alice, 7)
	b.own(lapsed, alice, 7)
	l := b.take(held, alice, 7)
	b.take(dead, alice, 7)
	if err := server.Node().Admin(t).ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := b.redis.Redis().Set(ctx, "more", "x", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "OOM") {
		t.Fatalf("the server is not full: %v", err)
	}
	for _, id := range []session.ID{held, lapsed} {
		if out, err := b.Renew(ctx, b.keys.Partition(id), alice, []Renewal{{id, 7}}); err != nil || !out[0].Renewed {
			t.Errorf("renew: %v, %v", out, err)
		}
		if got := b.value(id); got != session.LeaseValue(alice, 7) {
			t.Errorf("the key holds %q", got)
		}
	}
	if _, err := b.TakeFrom(ctx, dead, alice, 7, bob, 8); err != nil {
		t.Errorf("takefrom: %v", err)
	}
	if _, err := b.Take(ctx, newID(), bob, 8); err != nil {
		t.Errorf("take: %v", err)
	}
	if err := l.Release(ctx); err != nil {
		t.Errorf("release: %v", err)
	}
}

// everyScript runs each script once on the server of the session's lease, which is free afterwards.
func (b bench) everyScript(id session.ID) {
	b.t.Helper()
	ctx, l := b.t.Context(), b.take(id, alice, 7)
	_, renew := b.Renew(ctx, b.keys.Partition(id), alice, []Renewal{{id, 7}})
	_, from := b.TakeFrom(ctx, id, alice, 7, alice, 7)
	if err := errors.Join(renew, from, l.Release(ctx)); err != nil {
		b.t.Fatal(err)
	}
}
