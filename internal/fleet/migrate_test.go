package fleet

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// An owner of which Redis knows nothing may be alive, and its registration only lost with a master: its lease is waited for.
func TestMigrateRespectsTheLeaseOfAnUnknownOwner(t *testing.T) {
	t.Parallel()
	r := redistest.Single(t)
	a := join(t, r, redistest.Prefix(t), "a", settings{idle: true})
	id, draft := a.store.NewID(), session.Draft{Type: "t", Name: "n", Workspace: "/w"}
	if err := draft.Validate(); err != nil {
		t.Fatal(err)
	}
	res := a.store.Create(t.Context(), sessionstore.Birth{
		ID: id, Chain: a.store.ChainFor(id), Draft: draft,
		Owner: session.Holder{Node: "ghost", Incarnation: "00112233445566aa"},
	})
	if res[0].Err != nil {
		t.Fatal(res[0].Err)
	}
	var held *session.HeldError
	if _, err := a.Migrate(t.Context(), id, "a"); !errors.As(err, &held) {
		t.Errorf("while the lease runs: %v", err)
	}
	await(t, func() string {
		is, err := a.Migrate(t.Context(), id, "a")
		if err == nil && is.Owner() == "a" && is.Stamp.Epoch == 2 {
			return ""
		}
		return "the session cannot be migrated after its lease has ended"
	})
}

// unsteady is a node that has just come, or found that Redis was rolled back: it judges nobody.
type unsteady struct{ Members }

func (unsteady) Steady() time.Duration { return 0 }

// A master that was rolled back shows registrations as ended, or as another incarnation's, that the living have long renewed: their sessions
// are not taken from them, and the processes beside them run on.
func TestMigrateDoesNotBelieveAnOldRegistration(t *testing.T) {
	t.Parallel()
	r := redistest.Single(t)
	a := join(t, r, redistest.Prefix(t), "a", settings{idle: true})
	a.Service.Members = unsteady{a.Service.Members}
	draft := session.Draft{Type: "t", Name: "n", Workspace: "/w"}
	if err := draft.Validate(); err != nil {
		t.Fatal(err)
	}
	owner := session.Holder{Node: "ghost", Incarnation: "00112233445566aa"}
	for _, shown := range []string{owner.Incarnation, "00000000000000ff"} {
		id, ended, rdb := a.store.NewID(), float64(time.Now().Add(-time.Minute).UnixMilli()), r.Client(t)
		res := a.store.Create(t.Context(), sessionstore.Birth{ID: id, Chain: a.store.ChainFor(id), Draft: draft, Owner: owner})
		like := rdb.HGetAll(t.Context(), a.keys.Node("a")).Val() // so that it can be read
		like["incarnation"] = shown
		err := errors.Join(res[0].Err, rdb.ZAdd(t.Context(), a.keys.Nodes(), redis.Z{Score: ended, Member: "ghost"}).Err(),
			rdb.HSet(t.Context(), a.keys.Incarnations(), "ghost", shown).Err(),
			rdb.HSet(t.Context(), a.keys.Node("ghost"), like).Err())
		if err != nil {
			t.Fatal(err)
		}
		view, err := a.registry.Refresh(t.Context())
		if n, listed := view.Node("ghost"); !listed || n.State != session.Dead || n.Incarnation != shown {
			t.Fatalf("the registration that ended is not seen: %+v, %v", n, err)
		}
		var held *session.HeldError
		if is, err := a.Migrate(t.Context(), id, "a"); !errors.As(err, &held) {
			t.Errorf("shown as %s: %+v, %v", shown, is, err)
		}
	}
}
