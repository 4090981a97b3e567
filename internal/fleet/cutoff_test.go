package fleet

import (
	"context"
	"testing"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// slowAudit lets a round look at so many partitions before its time is over.
type slowAudit struct {
	Store
	left   int
	cutOff context.CancelFunc
	seen   map[int]bool
}

func (a *slowAudit) Audit(ctx context.Context, partition int, nodes []session.NodeID, visit func(session.Session)) (session.SyncReport, error) {
	if a.left--; a.left < 0 {
		a.cutOff()
		return session.SyncReport{}, ctx.Err()
	}
	a.seen[partition] = true
	return a.Store.Audit(ctx, partition, nodes, visit)
}

// A round that never has time for all partitions comes to each of them all the same.
func TestRoundsThatAreCutOffComeRound(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		m := join(t, r, redistest.Prefix(t), "a", settings{idle: true})
		slow := &slowAudit{Store: m.Service.Store, seen: map[int]bool{}}
		m.Service.Store = slow
		if _, err := m.registry.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 3 { // of 8 partitions
			ctx, cancel := context.WithCancel(t.Context())
			slow.left, slow.cutOff = 3, cancel
			if err := m.syncRound(ctx); err == nil {
				t.Error("a round that was cut off says nothing")
			}
			cancel()
		}
		if len(slow.seen) != m.store.Partitions() {
			t.Errorf("the rounds came to %d of %d partitions", len(slow.seen), m.store.Partitions())
		}
	})
}

func TestARoundLeavesOffInTime(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for ago, want := range map[time.Duration]bool{0: false, 2 * time.Hour: false, 4 * time.Hour: true} {
		if got := mostOfItsTime(ctx, time.Now().Add(-ago)); got != want {
			t.Errorf("begun %s ago, an hour left: %v, want %v", ago, got, want)
		}
	}
	if mostOfItsTime(t.Context(), time.Now().Add(-time.Hour)) {
		t.Error("a round without a limit leaves off")
	}
}
