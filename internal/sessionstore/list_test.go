package sessionstore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// A list shows exactly what its filter selects, each session once and in the same order, whatever the size of its pages.
func TestListShowsWhatItsFilterSelects(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 16)
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		dice := rand.New(rand.NewPCG(seed, 0))
		pick := func(from ...string) string { return from[dice.IntN(len(from))] }
		births := make([]Birth, 700)
		for i := range births {
			d := draft(fmt.Sprint("s", i))
			d.Type, d.Workspace, d.Status = pick("a", "b"), pick("/w", "/w\n2", "/v"), session.Status(pick("active", "idle", "failed"))
			d.Labels = map[string]string{"tier": pick("gold", "gold=1", "gol"), "n": fmt.Sprint(i % 50)}
			if i%9 == 0 {
				d.Labels = nil
			}
			id := b.NewID()
			births[i] = Birth{ID: id, Draft: d, Owner: []session.Holder{holderA, holderB}[i%2], Chain: b.ChainFor(id)}
		}
		var all []session.Session
		for _, res := range b.Create(ctx, births...) {
			if res.Err != nil {
				t.Fatal(res.Err)
			}
			all = append(all, res.Session)
		}
		for _, f := range []session.Filter{
			{}, {Owner: "node-a"}, {Type: "a"}, {Type: "none"}, {Status: session.Idle, Workspace: "/w"}, {Workspace: "/w\n2", Owner: "node-b"},
			{Labels: map[string]string{"tier": "gold"}}, {Labels: map[string]string{"tier": "gol"}, Type: "b"}, {Labels: map[string]string{"n": "7"}},
			{Labels: map[string]string{"n": "7", "tier": "gold=1"}}, {Labels: map[string]string{"n": ""}}, {Labels: map[string]string{"m": "7"}},
		} {
			want := map[session.ID]bool{}
			for _, s := range all {
				if f.Match(s) {
					want[s.ID] = true
				}
			}
			first := b.listAll(t, f, 1000)
			for _, id := range first {
				if !want[id] {
					t.Errorf("%+v: shows %s", f, id)
				}
			}
			if len(first) != len(want) {
				t.Errorf("%+v: shows %d sessions, want %d", f, len(first), len(want))
			}
			for _, limit := range []int{3, 100} {
				if again := b.listAll(t, f, limit); !slices.Equal(again, first) {
					t.Errorf("%+v: %d sessions by pages of %d, %d by pages of 1000", f, len(again), limit, len(first))
				}
			}
		}
	})
}

// listAll goes through all pages.
func (b bundle) listAll(t *testing.T, f session.Filter, limit int) (ids []session.ID) {
	t.Helper()
	for token := ""; ; {
		page, err := b.List(t.Context(), f, limit, token)
		if err != nil || len(page.Sessions) > limit {
			t.Fatalf("%+v: %d sessions, %v", f, len(page.Sessions), err)
		}
		for _, s := range page.Sessions {
			ids = append(ids, s.ID)
		}
		if token = page.Next; token == "" {
			return ids
		}
	}
}

// A scan reads about as much as should fill the page, and never more than a node should hold at once.
func TestScanFollowsWhatItFinds(t *testing.T) {
	t.Parallel()
	sc := newScan(100)
	if sc.step != listStep || sc.window != 4 {
		t.Errorf("at first: %+v", sc)
	}
	for _, c := range []struct {
		name                               string
		ids, partitions, missing, selected int
		step, window                       int
	}{
		{"all of a dense partition", 100, 0, 0, 100, listStep, 1},
		{"one in ten of dense partitions", 100, 0, 30, 10, 313, 3},
		{"one in ten, four partitions of 25", 100, 4, 30, 10, 313, 12},
		{"nothing of many", 500, 5, 100, 0, listMost, 4},
		{"an empty fleet", 0, 4, 100, 0, listStep + 1, listWindow},
	} {
		got := sc.next(c.ids, c.partitions, c.missing, c.selected)
		if got.step != c.step || got.window != c.window {
			t.Errorf("%s: step %d, window %d; want %d, %d", c.name, got.step, got.window, c.step, c.window)
		}
	}
}
