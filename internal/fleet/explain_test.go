package fleet

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

func TestExplainThroughAnyNode(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		prefix := redistest.Prefix(t)
		a, b := join(t, r, prefix, "a", settings{idle: true}), join(t, r, prefix, "b", settings{idle: true})
		await(t, func() string {
			if len(a.registry.View().Nodes()) < 2 || len(b.registry.View().Nodes()) < 2 {
				return "a node does not see both"
			}
			return ""
		})
		made := a.make(t, 3)
		for _, is := range made {
			e, err := b.Explain(t.Context(), is.ID)
			if err != nil || e.Session.Holder != is.Holder || len(e.Records) != 1+is.Copies || len(e.Ranking.Candidates) != 2 || e.Ranking.Chosen.Node == "" {
				t.Errorf("%+v, %v", e, err)
			}
		}
		if _, err := b.Explain(t.Context(), b.Store.NewID()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("of nothing: %v", err)
		}
		brief, _, err := a.Create(t.Context(), session.Draft{Type: "t", Name: "brief", Workspace: "/w", TTL: time.Second}, session.Idempotency{})
		if err != nil {
			t.Fatal(err)
		}
		await(t, func() string {
			if _, err := b.Explain(t.Context(), brief.ID); !errors.Is(err, session.ErrNotFound) {
				return fmt.Sprintf("of one whose time has ended: %v", err)
			}
			return ""
		})
		if _, err := b.store.Explain(t.Context(), brief.ID); err != nil {
			t.Errorf("explaining ended it: %v", err)
		}
	})
}

// A dry run tells what the create that follows makes, and leaves nothing: no session, no room kept.
func TestDryRunMakesNothing(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		prefix := redistest.Prefix(t)
		a, b := join(t, r, prefix, "a", settings{idle: true, maxSessions: 2}), join(t, r, prefix, "b", settings{idle: true, maxSessions: 1})
		await(t, func() string {
			if len(a.registry.View().Nodes()) < 2 || len(b.registry.View().Nodes()) < 2 {
				return "a node does not see both"
			}
			return ""
		})
		for i, prefer := range []session.NodeID{"b", "b", ""} { // the second finds b full
			d := session.Draft{Type: "t", Name: fmt.Sprint("s", i), Workspace: "/w", Placement: session.Placement{Node: prefer}, TTL: time.Hour}
			before := fmt.Sprint(a.counts(t))
			would, err := a.DryRun(t.Context(), d)
			if err != nil || fmt.Sprint(a.counts(t)) != before {
				t.Fatalf("%+v, %v; counts %s, then %v", would, err, before, a.counts(t))
			}
			page, err := a.List(t.Context(), session.Listing{Limit: 10})
			if err != nil || len(page.Sessions) != i {
				t.Fatalf("%d sessions after the dry run of number %d, %v", len(page.Sessions), i, err)
			}
			is, _, err := b.Create(t.Context(), d, session.Idempotency{})
			if err != nil || is.Holder != would.Session.Holder || would.Ranking.Chosen != is.Holder || would.Session.Name != is.Name ||
				would.Session.Copies != is.Copies || would.Ranking.Wanted.Node != prefer {
				t.Fatalf("would be %+v, is %+v, %v", would, is, err)
			}
		}
		if _, err := a.DryRun(t.Context(), session.Draft{Type: "t", Name: "s", Workspace: "/w"}); !isNoCapacity(err) {
			t.Errorf("a full fleet: %v", err)
		}
		var invalid *session.InvalidError
		if _, err := a.DryRun(t.Context(), session.Draft{Type: "t", Workspace: "/w"}); !errors.As(err, &invalid) || invalid.Field != "name" {
			t.Errorf("without a name: %v", err)
		}
	})
}
