package fleet

import (
	"errors"
	"testing"

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
