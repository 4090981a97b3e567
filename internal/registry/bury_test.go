package registry

import (
	"cmp"
	"errors"
	"slices"
	"testing"
	"time"

	"orchestrator/internal/session"
)

// bury declares h dead and fails the test unless that ends as wanted.
func bury(t *testing.T, r *Registry, h session.Holder, want Burial) {
	t.Helper()
	if got, err := r.Bury(t.Context(), h); err != nil || got != want {
		t.Fatalf("burial of %v: %q, %v, want %q", h, got, err, want)
	}
}

// mustDead looks for the dead and fails the test unless they are those wanted, in any order.
func mustDead(t *testing.T, r *Registry, want ...session.Holder) {
	t.Helper()
	dead, err := r.Dead(t.Context(), 0)
	byName := func(a, b session.Holder) int {
		return cmp.Compare(a.Node+session.NodeID(a.Incarnation), b.Node+session.NodeID(b.Incarnation))
	}
	slices.SortFunc(dead, byName)
	slices.SortFunc(want, byName)
	if err != nil || !slices.Equal(dead, want) {
		t.Fatalf("dead are %v, %v, want %v", dead, err, want)
	}
}

func TestTheBuriedAreDeadAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		watch, a := f.joined("w", timeout(time.Minute)), f.joined("a", timeout(time.Minute))
		former := a.Self().Holder
		bury(t, watch, former, Buried)
		bury(t, watch, former, Buried)
		mustDead(t, watch, former)
		if view, err := watch.Refresh(t.Context()); err != nil || view.Live(former) || len(view.Nodes()) != 1 {
			t.Errorf("it is still seen: %v, %v", view.Nodes(), err)
		}
		if found := f.exists(f.keys.Node("a")); len(found) > 0 {
			t.Errorf("left behind: %v", found)
		}
		recoverAll(t, watch, former)
		bury(t, watch, former, Gone)
		mustDead(t, watch)
	})
}

// TestABeatOfTheBuriedBringsNothingBack has the process live after all, as one whose port alone was gone.
func TestABeatOfTheBuriedBringsNothingBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		watch, a := f.joined("w", timeout(time.Minute)), f.joined("a", timeout(time.Minute))
		former := a.Self().Holder
		bury(t, watch, former, Buried)
		if err := a.beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		now := a.Self().Holder
		if now == former || !a.Trusted() {
			t.Errorf("it goes on as %v", now)
		}
		bury(t, watch, former, Buried)
		if n := mustNode(t, watch, "a"); n.Holder != now {
			t.Errorf("the burial of the former touched the present: %+v", n)
		}
		mustDead(t, watch, former)
	})
}

func TestAFreshStartNeedNotWaitForTheBuried(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		watch := f.joined("w", timeout(time.Minute))
		former := f.joined("a", timeout(time.Minute)).Self().Holder
		again := f.node("a", timeout(time.Minute))
		if taken, err := again.enlistOnce(t.Context()); err != nil || taken == nil {
			t.Fatalf("the name is not held: %v, %v", taken, err)
		}
		bury(t, watch, former, Buried)
		if taken, err := again.enlistOnce(t.Context()); err != nil || taken != nil {
			t.Fatalf("the name is still held: %v, %v", taken, err)
		}
		if n := f.redis.Redis().ZCard(t.Context(), f.keys.Deaths()).Val(); n != 1 {
			t.Errorf("%d deaths are counted", n)
		}
		bury(t, watch, former, Buried) // it is being recovered
		recoverAll(t, watch, former)
		bury(t, watch, former, Gone)
		if n := mustNode(t, watch, "a"); n.Holder != again.Self().Holder {
			t.Errorf("seen as %+v", n)
		}
	})
}

func TestOnlyTheRegisteredAreBuried(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		watch, a := f.joined("w", timeout(time.Minute)), f.joined("a", timeout(time.Minute))
		for _, h := range []session.Holder{{Node: "a", Incarnation: "another"}, {Node: "nobody", Incarnation: "x"}} {
			bury(t, watch, h, Gone)
		}
		if err := a.Leave(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		bury(t, watch, a.Self().Holder, Gone)
		mustDead(t, watch)
		if found := f.exists(f.keys.Deaths()); len(found) > 0 {
			t.Error("a death is counted")
		}
	})
}

func TestANodeThatDoesNotTrustItselfBuriesNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		watch, a := f.joined("w", timeout(500*time.Millisecond)), f.joined("a", timeout(time.Minute)).Self().Holder
		// Its word on others ends before its trust does.
		eventually(t, "its word has ended", func() bool {
			view, err := watch.Refresh(t.Context())
			return err == nil && !view.Time().Before(watch.judgesUntil(watch.trusts()))
		})
		for _, state := range []string{"late", "not trusted"} {
			if got, err := watch.Bury(t.Context(), a); !errors.Is(err, session.ErrFenced) {
				t.Errorf("%s: got %q, %v", state, got, err)
			}
			eventually(t, "trust ends", func() bool { return !watch.Trusted() })
		}
		mustNode(t, watch, "a")
	})
}
