package registry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/session"
)

// told returns what the fleet's events say, each with the incarnation left out and the first word of its reason.
func (f *fleet) told(t *testing.T) string {
	t.Helper()
	entries, err := f.redis.Redis().XRange(t.Context(), f.keys.FleetEvents(), "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range entries {
		for kind, text := range e.Values {
			w := strings.SplitN(text.(string), " ", 4)
			lines = append(lines, strings.TrimSpace(fmt.Sprint(w[0], " ", kind, " by ", w[2], " ", w[3])))
		}
	}
	return strings.Join(lines, ", ")
}

func TestWhatBecomesOfNodesIsToldOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		ctx := t.Context()
		a, b := f.joined("a", timeout(time.Minute)), f.joined("b", timeout(time.Minute))
		c := f.joined("c", timeout(time.Minute))
		for _, s := range []session.NodeState{session.Cordoned, session.Cordoned, session.Ready, session.Draining} {
			if _, err := b.SetState(ctx, "a", s); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.Drain(ctx, "b", time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := b.Leave(ctx, 0); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := a.Bury(ctx, c.Self().Holder); err != nil || got != Buried {
				t.Fatal(got, err)
			}
		}
		for p := range 2 {
			if _, _, err := a.Recovered(ctx, c.Self().Holder, p, 2, newIncarnation(), Tally{3, 2, 1}); err != nil {
				t.Fatal(err)
			}
		}
		got := f.told(t)
		until, _, _ := strings.Cut(got[strings.Index(got, "until "):], ",")
		if want := "a joined by a, b joined by b, c joined by c, a cordoned by b, a ready by b, a draining by b, b draining by a " + until +
			", b left by b, c dead by a its process has ended, c recovered by a 6 4 2"; got != want {
			t.Errorf("told\n\t%s\nwant\n\t%s", got, want)
		}
	})
}

// A key that holds something else keeps nobody from the fleet.
func TestWhatCannotBeToldStopsNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		if err := f.redis.Redis().Set(t.Context(), f.keys.FleetEvents(), "x", 0).Err(); err != nil {
			t.Fatal(err)
		}
		a := f.joined("a", timeout(time.Minute))
		if n, err := a.SetState(t.Context(), "a", session.Cordoned); err != nil || n.State != session.Cordoned {
			t.Error(n, err)
		}
		if err := a.Leave(t.Context(), 0); err != nil {
			t.Error(err)
		}
	})
}
