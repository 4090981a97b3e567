package fleet

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"orchestrator/internal/balancer"
	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

func TestATurnIsNotWaitedForTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		moving := make(turn, 1)
		if err := moving.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := moving.take(short); err == nil || decided(err) {
			t.Errorf("got %v", err)
		}
		moving.give()
		if err := moving.take(short); err == nil {
			t.Error("taken in a time that has ended")
		}
		if err := moving.take(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// deaf records no departures.
type deaf struct{ Placer }

func (deaf) Leaving(context.Context, ...balancer.Departure) error {
	return &session.UnavailableError{Reason: "redis does not answer"}
}

// A move of which nothing was sent leaves no doubt: the processes beside the node go on with the session.
func TestAMoveThatWasNotBegunLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	r := redistest.Single(t)
	prefix := redistest.Prefix(t)
	a := join(t, r, prefix, "a", settings{idle: true})
	is := a.make(t, 1)[0]
	b := join(t, r, prefix, "b", settings{idle: true})
	placed := balancer.Placed{Attempt: balancer.Attempt{Session: is.ID, Key: "k"}, Node: b.registry.Self().Holder, Until: time.Now().Add(time.Minute)}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	placer := a.Placer
	for why, try := range map[string]func() []session.Result{
		"the caller is gone": func() []session.Result {
			return a.carryOut(ended, session.WhyMigrate, []session.Session{is}, []balancer.Placed{placed})
		},
		"the departure is not recorded": func() []session.Result {
			a.Placer = deaf{placer}
			return a.carryOut(t.Context(), session.WhyMigrate, []session.Session{is}, []balancer.Placed{placed})
		},
	} {
		if res := try(); res[0].Err == nil {
			t.Fatal("it moved")
		}
		if n := a.told(t); n != 1 {
			t.Errorf("%s: %d sessions are told, want 1", why, n)
		}
	}
}
