package fleet

import (
	"context"
	"sync/atomic"
	"testing"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// walled is a store that cannot reach the records of a partition, and says so when the time for that is over.
type walled struct {
	Store
	partition int
	asked     atomic.Int64
}

func (d *walled) Expire(ctx context.Context, id session.ID, leave sessionstore.Leave) (bool, error) {
	if d.Partition(id) != d.partition {
		return d.Store.Expire(ctx, id, leave)
	}
	d.asked.Add(1)
	<-ctx.Done()
	return false, &session.UnavailableError{Reason: "a redis server does not answer", Err: ctx.Err()}
}

// Sessions that cannot be reached keep no others alive beyond their time.
func TestWhatCannotBeReachedKeepsNothingAlive(t *testing.T) {
	t.Parallel()
	a := join(t, redistest.Single(t), redistest.Prefix(t), "a", settings{idle: true})
	d := &walled{Store: a.Service.Store}
	a.Service.Store = d
	for i := range 64 {
		id := a.store.NewID().InPartition(i%8, 8)
		draft := session.Draft{Type: "t", Name: "n", Workspace: "/w", Status: session.Active, TTL: 1}
		birth := sessionstore.Birth{ID: id, Draft: draft, Owner: a.registry.Self().Holder, Chain: a.store.ChainFor(id)}
		if res := a.store.Create(t.Context(), birth); res[0].Err != nil {
			t.Fatal(res[0].Err)
		}
	}
	await(t, func() string {
		if len(a.share(a.Members.View())) == 8 {
			return ""
		}
		return "the node does not know itself"
	})
	if err := a.expireDue(t.Context()); err == nil {
		t.Error("nothing is said of those that cannot be reached")
	}
	left, err := a.store.Count(t.Context(), "a")
	if err != nil || left != 8 || d.asked.Load() != 1 {
		t.Errorf("%d are left, want 8; %d were asked for that cannot be reached, %v", left, d.asked.Load(), err)
	}
}
