package lease

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"orchestrator/internal/session"
)

func TestALeaseHoldsItsHolderAndEpoch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		id := newID()
		l := b.take(id, alice, 7)
		// redsync's Lock ignores WithValue and would have written a random word.
		if got := b.value(id); got != "alice/aaaaaaaaaaaaaaaa/7" {
			t.Errorf("the key holds %q", got)
		}
		h, epoch, left, err := b.Get(t.Context(), id)
		if err != nil || h != alice || epoch != 7 || left <= 0 || left > DefaultTTL {
			t.Errorf("Get: %v, %d, %s, %v", h, epoch, left, err)
		}
		if err := l.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if h, epoch, left, err := b.Get(t.Context(), id); err != nil || h != (session.Holder{}) || epoch != 0 || left != 0 {
			t.Errorf("a free lease: %v, %d, %s, %v", h, epoch, left, err)
		}
	})
}

func TestAHeldLeaseNamesItsHolder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		id := newID()
		b.take(id, alice, 7)
		_, err := b.Take(t.Context(), id, bob, 8)
		var held *session.HeldError
		if !errors.As(err, &held) || held.Holder != alice || held.Epoch != 7 || held.For <= 0 || held.For > DefaultTTL {
			t.Errorf("got %v", err)
		}
		if _, err := b.Take(t.Context(), id, alice, 8); !errors.As(err, &held) {
			t.Errorf("the same node at another epoch is another holder: %v", err)
		}
		if got := b.value(id); got != session.LeaseValue(alice, 7) {
			t.Errorf("the key holds %q", got)
		}
	})
}

func TestTakingOnesOwnLeaseRenewsIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		id := newID()
		b.lasting(time.Second).take(id, alice, 7)
		b.take(id, alice, 7)
		if _, _, left, _ := b.Get(t.Context(), id); left < 20*time.Second {
			t.Errorf("it runs for %s only", left)
		}
	})
}

func TestOneOfManyTakersWins(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		id := newID()
		var mu sync.Mutex
		var won, held int
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				_, err := b.Take(t.Context(), id, bob, uint64(i+1))
				var refused *session.HeldError
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won++
				case errors.As(err, &refused):
					held++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won != 1 || held != 19 {
			t.Errorf("%d won, %d were refused", won, held)
		}
	})
}

func TestALostLeaseIsNotReleased(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		id := newID()
		l := b.lasting(MinTTL).take(id, alice, 7)
		eventually(t, "it runs out", func() bool { return b.value(id) == "" })
		other := b.take(id, bob, 8)
		if err := l.Release(t.Context()); !errors.Is(err, session.ErrLeaseLost) {
			t.Errorf("releasing another's lease: %v", err)
		}
		if got := b.value(id); got != session.LeaseValue(bob, 8) {
			t.Errorf("the key holds %q", got)
		}
		if err := other.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := l.Release(t.Context()); err != nil {
			t.Errorf("releasing what has run out: %v", err)
		}
	})
}

func TestReleaseOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		id := newID()
		l := b.take(id, alice, 7)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Release(gone); err != nil || b.value(id) != "" {
			t.Errorf("got %v, the key holds %q", err, b.value(id))
		}
		if _, err := b.Take(gone, id, alice, 7); !errors.Is(err, context.Canceled) {
			t.Errorf("taking for a caller that is gone: %v", err)
		}
	})
}

func TestTakeFrom(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx, id := t.Context(), newID()
		b.take(id, alice, 7)
		var held *session.HeldError
		if _, err := b.TakeFrom(ctx, id, alice, 6, bob, 8); !errors.As(err, &held) || held.Holder != alice || held.Epoch != 7 || held.For <= 0 {
			t.Errorf("from another epoch: %v", err)
		}
		for _, from := range []session.Holder{alice, alice} { // the second finds its own
			_, err := b.TakeFrom(ctx, id, from, 7, bob, 8)
			if err != nil || b.value(id) != session.LeaseValue(bob, 8) {
				t.Fatalf("got %v, the key holds %q", err, b.value(id))
			}
		}
		free := newID()
		l, err := b.TakeFrom(ctx, free, alice, 7, bob, 8)
		if err != nil || b.value(free) != session.LeaseValue(bob, 8) {
			t.Errorf("a lease that has run out: %v", err)
		}
		if err := l.Release(ctx); err != nil || b.value(free) != "" {
			t.Errorf("release: %v", err)
		}
	})
}

func TestAKeyThatHoldsNoLeaseIsNamed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx, rdb := t.Context(), b.redis.Redis()
		for _, write := range []func(key string) error{
			func(key string) error { return rdb.Set(ctx, key, "nobody", 0).Err() },
			func(key string) error { return rdb.RPush(ctx, key, "x").Err() },
		} {
			id := newID()
			if err := write(b.keys.Lease(id)); err != nil {
				t.Fatal(err)
			}
			_, _, _, getErr := b.Get(ctx, id)
			_, takeErr := b.Take(ctx, id, alice, 1)
			_, fromErr := b.TakeFrom(ctx, id, bob, 1, alice, 2)
			for _, err := range []error{getErr, takeErr, fromErr} {
				var corrupt *session.CorruptError
				if !errors.As(err, &corrupt) || corrupt.Key != b.keys.Lease(id) {
					t.Errorf("got %v", err)
				}
			}
		}
	})
}

// TestRedsyncAndTheScriptsWriteTheSame holds the two forms together: each side extends and releases what the other wrote.
func TestRedsyncAndTheScriptsWriteTheSame(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx := t.Context()
		for name, write := range map[string]func(id session.ID) error{
			"take":     func(id session.ID) error { _, err := b.Take(ctx, id, alice, 7); return err },
			"takefrom": func(id session.ID) error { _, err := b.TakeFrom(ctx, id, bob, 6, alice, 7); return err },
			"renew": func(id session.ID) error {
				b.own(id, alice, 7)
				_, err := b.Renew(ctx, b.keys.Partition(id), alice, []Renewal{{id, 7}})
				return err
			},
		} {
			id := newID()
			if err := write(id); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			theirs := b.plain(id, session.LeaseValue(alice, 7))
			if err := b.plain(id, "somebody").LockContext(ctx); err == nil {
				t.Errorf("%s: redsync took a lease that is held", name)
			}
			if ok, err := theirs.ExtendContext(ctx); !ok || err != nil {
				t.Errorf("%s: redsync could not extend it: %v", name, err)
			}
			if _, _, left, _ := b.Get(ctx, id); left < 50*time.Second {
				t.Errorf("%s: it runs for %s", name, left)
			}
			if ok, err := theirs.UnlockContext(ctx); !ok || err != nil || b.value(id) != "" {
				t.Errorf("%s: redsync could not release it: %v", name, err)
			}
		}
		id := newID()
		if err := b.plain(id, session.LeaseValue(alice, 7)).LockContext(ctx); err != nil {
			t.Fatal(err)
		}
		b.own(id, alice, 7)
		if out, err := b.Renew(ctx, b.keys.Partition(id), alice, []Renewal{{id, 7}}); err != nil || !out[0].Renewed {
			t.Errorf("renewing redsync's: %v, %v", out, err)
		}
		if _, _, left, _ := b.Get(ctx, id); left > DefaultTTL {
			t.Errorf("renewing redsync's left it %s", left)
		}
		l, err := b.TakeFrom(ctx, id, alice, 7, bob, 8)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Release(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	var invalid *session.InvalidError
	if _, err := New(nil, nil, Config{TTL: time.Millisecond}); !errors.As(err, &invalid) || invalid.Field != "leaseTTL" {
		t.Errorf("got %v", err)
	}
	c := Config{}
	if err := c.Validate(); err != nil || c.TTL != DefaultTTL {
		t.Errorf("got %v, %v", c, err)
	}
}
