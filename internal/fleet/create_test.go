package fleet

import (
	"fmt"
	"sync"
	"testing"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// Creates that come at once are made together, each as if it were alone: its own session, the place it prefers, one session for all that
// bring the same idempotency key, and one count for each session.
func TestCreatesThatComeAtOnce(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		prefix := redistest.Prefix(t)
		a, b := join(t, r, prefix, "a", settings{}), join(t, r, prefix, "b", settings{})
		await(t, func() string {
			if len(a.registry.View().Nodes()) == 2 && len(b.registry.View().Nodes()) == 2 {
				return ""
			}
			return "the nodes do not see each other"
		})
		const each = 40
		var mu sync.Mutex
		owners, once, fresh := map[session.ID]session.NodeID{}, map[session.ID]bool{}, 0
		create := func(m *member, name, key string, prefer session.Placement) {
			d := session.Draft{Type: "t", Name: name, Workspace: "/w", Placement: prefer}
			made, created, err := m.Create(t.Context(), d, session.Idempotency{Key: key, Fingerprint: key})
			if err != nil || made.Name != name {
				t.Errorf("%s: %+v, %v", name, made, err)
			}
			if prefer.Node != "" && made.Owner() != prefer.Node {
				t.Errorf("%s went to %s, prefers %s", name, made.Owner(), prefer.Node)
			}
			mu.Lock()
			defer mu.Unlock()
			owners[made.ID] = made.Owner()
			if key != "" {
				once[made.ID] = true
				if created {
					fresh++
				}
			}
		}
		var all sync.WaitGroup
		for i := range each {
			all.Go(func() { create(a, fmt.Sprint("plain-", i), "", session.Placement{}) })
			all.Go(func() { create(b, "the same", "key", session.Placement{}) })
			all.Go(func() { create(a, "the same", "key", session.Placement{}) })
			all.Go(func() { create(b, fmt.Sprint("placed-", i), "", session.Placement{Node: "a"}) })
		}
		all.Wait()
		if len(owners) != 2*each+1 || len(once) != 1 || fresh != 1 {
			t.Errorf("%d sessions, %d for one key, made %d times; want %d, 1, 1", len(owners), len(once), fresh, 2*each+1)
		}
		want := map[session.NodeID]int{}
		for _, owner := range owners {
			want[owner]++
		}
		await(t, func() string {
			if is := a.counts(t); is["a"] != want["a"] || is["b"] != want["b"] {
				return fmt.Sprintf("counts %v, want %v", is, want)
			}
			return ""
		})
	})
}
