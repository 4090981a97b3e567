package lease

import (
	"errors"
	"testing"
	"time"

	"orchestrator/internal/session"
)

func TestRenewFollowsTheRecord(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx, rdb := t.Context(), b.redis.Redis()
		fresh := func() session.ID { return newID().InPartition(3, 16) }
		held, lapsed, foreign, garbled := fresh(), fresh(), fresh(), fresh()
		raised, taken, gone, deleted := fresh(), fresh(), fresh(), fresh()
		for _, id := range []session.ID{held, lapsed, foreign, garbled} {
			b.own(id, alice, 7)
		}
		b.lasting(time.Second).take(held, alice, 7)
		b.take(foreign, bob, 6)
		rdb.RPush(ctx, b.keys.Lease(garbled), "x")
		b.own(raised, alice, 8)
		b.own(taken, bob, 8)
		b.own(deleted, session.Holder{}, 8)
		all := []session.ID{held, lapsed, foreign, garbled, raised, taken, gone, deleted}
		var ask []Renewal
		for _, id := range all {
			ask = append(ask, Renewal{id, 7})
		}
		out, err := b.Renew(ctx, 3, alice, ask)
		if err != nil || len(out) != len(all) {
			t.Fatalf("%v, %v", out, err)
		}
		for i, o := range out {
			if o.ID != all[i] || o.Epoch != 7 || o.Renewed != (i < 4) {
				t.Errorf("%d: %+v", i, o)
			}
			if until := time.Until(o.TrustedUntil); o.Renewed && (until <= 20*time.Second || until > DefaultTTL) {
				t.Errorf("%d: trusted for %s", i, until)
			}
			if o.Renewed && b.value(o.ID) != session.LeaseValue(alice, 7) {
				t.Errorf("%d: the key holds %q", i, b.value(o.ID))
			}
			if _, _, left, _ := b.Get(ctx, o.ID); o.Renewed && left < 20*time.Second {
				t.Errorf("%d: it runs for %s", i, left)
			}
		}
		for i, want := range []Outcome{{Owner: alice, OwnerEpoch: 8}, {Owner: bob, OwnerEpoch: 8}, {}, {}} {
			if o := out[4+i]; o.Owner != want.Owner || o.OwnerEpoch != want.OwnerEpoch {
				t.Errorf("lost %d: %+v, want %+v", i, o, want)
			}
			if got := b.value(out[4+i].ID); got != "" {
				t.Errorf("lost %d: the key holds %q", i, got)
			}
		}
	})
}

func TestRenewTellsTheRecordThatCannotBeRead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx := t.Context()
		good, list, odd := newID().InPartition(3, 16), newID().InPartition(3, 16), newID().InPartition(3, 16)
		b.own(good, alice, 7)
		b.redis.Redis().RPush(ctx, b.keys.Session(list), "x")
		b.redis.Redis().HSet(ctx, b.keys.Session(odd), "owner", "alice", "incarnation", "i", "epoch", "many")
		out, err := b.Renew(ctx, 3, alice, []Renewal{{list, 7}, {good, 7}, {odd, 7}})
		var corrupt *session.CorruptError
		if !errors.As(err, &corrupt) || corrupt.Key != b.keys.Session(list) {
			t.Errorf("got %v", err)
		}
		if len(out) != 1 || out[0].ID != good || !out[0].Renewed {
			t.Errorf("the good one: %+v", out)
		}
	})
}

func TestRenewWorksInBatches(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ask := make([]Renewal, 2*renewLimit+1)
		for i := range ask {
			ask[i] = Renewal{newID().InPartition(5, 16), uint64(i + 1)}
			b.own(ask[i].ID, alice, uint64(i+1))
		}
		out, err := b.Renew(t.Context(), 5, alice, ask)
		if err != nil || len(out) != len(ask) {
			t.Fatalf("%d outcomes, %v", len(out), err)
		}
		for i, o := range out {
			if !o.Renewed || o.Renewal != ask[i] {
				t.Fatalf("%d: %+v", i, o)
			}
		}
		if out, err := b.Renew(t.Context(), 5, alice, nil); len(out) != 0 || err != nil {
			t.Errorf("nothing to renew: %v, %v", out, err)
		}
		var invalid *session.InvalidError
		if _, err := b.Renew(t.Context(), 4, alice, ask[:1]); !errors.As(err, &invalid) || invalid.Field != "partition" {
			t.Errorf("got %v", err)
		}
	})
}

// A holder that does not know its epochs renews under those that the records have.
func TestRenewWhicheverEpoch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		id := newID().InPartition(3, 16)
		b.own(id, alice, 9)
		out, err := b.Renew(t.Context(), 3, alice, []Renewal{{ID: id}})
		if err != nil || len(out) != 1 || !out[0].Renewed || out[0].Epoch != 9 {
			t.Fatalf("renewed %+v, %v", out, err)
		}
		if h, epoch, _, err := b.Get(t.Context(), id); err != nil || h != alice || epoch != 9 {
			t.Fatalf("the lease is %v at %d, %v", h, epoch, err)
		}
	})
}
