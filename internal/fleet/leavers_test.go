package fleet

import (
	"testing"

	"orchestrator/internal/redistest"
)

// A node that nobody follows remembers nothing of the sessions that it has handed over.
func TestWhatLeavesAnUnfollowedNodeIsNotRemembered(t *testing.T) {
	t.Parallel()
	r := redistest.Single(t)
	prefix := redistest.Prefix(t)
	a := join(t, r, prefix, "a", settings{idle: true})
	made := a.make(t, 3)
	join(t, r, prefix, "b", settings{idle: true})
	for _, is := range made {
		if _, err := a.Migrate(t.Context(), is.ID, "b"); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.tellAssigned(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ids := a.leaving.take(); len(ids) != 0 {
		t.Errorf("%d are remembered", len(ids))
	}
}
