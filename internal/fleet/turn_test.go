package fleet

import (
	"context"
	"sync/atomic"
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

// A job that waits for others must not look stuck: the node would beat no more.
func TestJobsWaitNoLongerThanTheyMay(t *testing.T) {
	t.Parallel()
	a := join(t, redistest.Single(t), redistest.Prefix(t), "a", settings{idle: true})
	for name, job := range map[string]struct {
		turn
		run func(context.Context) error
	}{
		"assign": {a.drawing, a.tellAssigned},
		"follow": {a.drawing, func(ctx context.Context) error { _, err := a.Follow(ctx); return err }},
		"drain":  {a.drains.turn, func(ctx context.Context) error { _, err := a.drainSome(ctx); return err }},
	} {
		if err := job.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if err := job.run(short); err == nil || decided(err) {
			t.Errorf("%s: got %v", name, err)
		}
		cancel()
		job.give()
	}
}

// slow is a store that answers so many linearizable reads before it answers none.
type slow struct {
	Store
	answers atomic.Int32
}

func (s *slow) Get(ctx context.Context, id session.ID, c session.Consistency) (session.Session, error) {
	if s.answers.Add(-1) < 0 {
		<-ctx.Done()
		return session.Session{}, &session.UnavailableError{Reason: "redis did not answer in time", Err: ctx.Err()}
	}
	return s.Store.Get(ctx, id, c)
}

// Whoever tries again to follow a node that owns more than can be read in one try gets on.
func TestAPictureIsDrawnInSeveralTries(t *testing.T) {
	t.Parallel()
	const tries, each = 3, 20
	a := join(t, redistest.Single(t), redistest.Prefix(t), "a", settings{idle: true})
	a.make(t, tries*each)
	s := &slow{Store: a.Service.Store}
	a.Service.Store = s
	for try := range tries {
		s.answers.Store(each)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		f, err := a.Follow(short)
		cancel()
		switch {
		case try < tries-1 && err == nil:
			t.Fatalf("try %d: it has read all", try)
		case try < tries-1:
			if err := a.tellAssigned(t.Context()); err != nil { // nobody follows yet
				t.Fatal(err)
			}
			continue
		case err != nil:
			t.Fatal(err)
		}
		defer f.Close()
		if ev, err := f.Next(t.Context()); err != nil || len(ev.Assignments) != tries*each {
			t.Errorf("%d sessions are told, %v", len(ev.Assignments), err)
		}
	}
}

// Whoever follows once nobody does any more is told what is so then, not what a former follower was told.
func TestANewFollowerIsToldWhatIsSoNow(t *testing.T) {
	t.Parallel()
	a := join(t, redistest.Single(t), redistest.Prefix(t), "a", settings{idle: true})
	is := a.make(t, 1)[0]
	first := func() session.Session {
		t.Helper()
		f, err := a.Follow(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		ev, err := f.Next(t.Context())
		if err != nil || len(ev.Assignments) != 1 {
			t.Fatalf("%+v, %v", ev, err)
		}
		return ev.Assignments[0].Session
	}
	first()
	if err := a.tellAssigned(t.Context()); err != nil { // nobody follows any more
		t.Fatal(err)
	}
	name := "another"
	if _, err := a.Update(t.Context(), is.ID, session.Patch{Name: &name}, session.Condition{}); err != nil {
		t.Fatal(err)
	}
	if got := first().Name; got != name {
		t.Errorf("the session's name is told as %q", got)
	}
}
