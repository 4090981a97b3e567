package lease

import (
	"slices"
	"testing"
	"time"

	"orchestrator/internal/session"
)

func TestExtendLeavesAloneWhatNamesAnother(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx, rdb := t.Context(), b.redis.Redis()
		restarted := session.Holder{Node: alice.Node, Incarnation: alice.Incarnation[:len(alice.Incarnation)-1] + "x"}
		mine, elsewhere, raised := newID().InPartition(3, 16), newID().InPartition(4, 16), newID().InPartition(3, 16)
		short := b.lasting(time.Second)
		for id, epoch := range map[session.ID]uint64{mine: 7, elsewhere: 7, raised: 800} {
			short.take(id, alice, epoch)
		}
		foreign, former, lapsed, garbled := newID(), newID(), newID(), newID()
		b.take(foreign, bob, 6)
		b.take(former, restarted, 6)
		rdb.RPush(ctx, b.keys.Lease(garbled), "x")
		ask := []session.ID{foreign, mine, former, elsewhere, lapsed, raised, garbled}
		n, others, err := b.Extend(ctx, alice, ask)
		if err != nil || n != 3 {
			t.Fatalf("extended %d, %v", n, err)
		}
		slices.Sort(others)
		want := []session.ID{foreign, former, lapsed, garbled}
		if slices.Sort(want); !slices.Equal(others, want) {
			t.Errorf("left for a look at the record: %v, want %v", others, want)
		}
		for _, id := range []session.ID{mine, elsewhere, raised} {
			if _, _, left, err := b.Get(ctx, id); left < 20*time.Second {
				t.Errorf("%s runs for %s, %v", id, left, err)
			}
		}
		if b.value(foreign) != session.LeaseValue(bob, 6) || b.value(former) != session.LeaseValue(restarted, 6) || b.value(lapsed) != "" {
			t.Error("a lease that is not the holder's was touched")
		}
	})
}

func TestExtendTakesAnyNumber(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ids := make([]session.ID, 2*extendLimit+1)
		for i := range ids {
			ids[i] = newID().InPartition(i%2, 16)
		}
		b.take(ids[len(ids)-1], alice, 7)
		if n, others, err := b.Extend(t.Context(), alice, ids); err != nil || n != 1 || len(others) != len(ids)-1 || slices.Contains(others, ids[len(ids)-1]) {
			t.Errorf("extended %d, left %d, %v", n, len(others), err)
		}
		if n, others, err := b.Extend(t.Context(), alice, nil); n != 0 || len(others) != 0 || err != nil {
			t.Errorf("of nothing: %d, %v, %v", n, others, err)
		}
	})
}
