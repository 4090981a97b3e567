package fleet

import (
	"context"
	"testing"
	"time"

	"orchestrator/internal/balancer"
	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// gated takes sessions over when it is let.
type gated struct {
	Store
	arrived chan struct{}
	answer  chan error // nil: carry it out
}

func (g gated) TakeOver(ctx context.Context, takeovers ...sessionstore.Takeover) []session.Result {
	g.arrived <- struct{}{}
	if err := <-g.answer; err != nil {
		results := make([]session.Result, len(takeovers))
		for i := range results {
			results[i].Err = err
		}
		return results
	}
	return g.Store.TakeOver(ctx, takeovers...)
}

// doubted returns a node that owns a session, which it began to move to another node a while ago without ever hearing what became of
// that, and that is about to move it once more.
func doubted(t *testing.T, until time.Duration) (a *member, is session.Session, g gated, again func() []session.Result) {
	t.Helper()
	r := redistest.Single(t)
	prefix := redistest.Prefix(t)
	a = join(t, r, prefix, "a", settings{idle: true})
	is = a.make(t, 1)[0]
	b := join(t, r, prefix, "b", settings{idle: true})
	if err := a.tellTrust(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.drawPicture(t.Context()); err != nil {
		t.Fatal(err)
	}
	g = gated{a.Service.Store, make(chan struct{}), make(chan error, 1)}
	a.Service.Store = g
	a.leaving.add(is.ID)
	a.board.Revoke(t.Context(), is.ID)
	a.doubts.add(is.ID, a.Service.Store.Now().Add(until))
	return a, is, g, func() []session.Result {
		placed := balancer.Placed{
			Attempt: balancer.Attempt{Session: is.ID, Key: string(a.Service.Store.NewOp())},
			Node:    b.registry.Self().Holder, Until: a.Service.Store.Now().Add(10 * time.Second),
		}
		return a.carryOut(t.Context(), session.WhyMigrate, []session.Session{is}, []balancer.Placed{placed})
	}
}

// told returns how many sessions a follower that comes now is told to run.
func (m *member) told(t *testing.T) int {
	t.Helper()
	if err := m.tellTrust(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.tellAssigned(t.Context()); err != nil {
		t.Fatal(err)
	}
	f, err := m.Follow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ev, err := f.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(ev.Assignments)
}

// The end of a doubt must not let a session be told while another try to move it is under way.
func TestADoubtDoesNotEndInTheMiddleOfAMove(t *testing.T) {
	t.Parallel()
	a, _, g, again := doubted(t, -time.Minute)
	done := make(chan []session.Result, 1)
	go func() { done <- again() }()
	<-g.arrived
	n := a.told(t)
	g.answer <- nil
	if res := <-done; res[0].Err != nil {
		t.Error(res[0].Err)
	}
	if n != 0 {
		t.Error("the session is told while it moves away")
	}
	if n := a.told(t); n != 0 {
		t.Error("the session is told though it has moved away")
	}
}

// A try to move a session that surely came to nothing says nothing about an earlier one that may still come.
func TestADoubtOutlivesAMoveThatFails(t *testing.T) {
	t.Parallel()
	for name, until := range map[string]time.Duration{"open": time.Minute, "over": -time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _, g, again := doubted(t, until)
			g.answer <- &session.UnavailableError{Reason: "redis is out of memory", Refused: true}
			go func() { <-g.arrived }()
			if res := again(); res[0].Err == nil {
				t.Fatal("it moved")
			}
			if n := a.board.Count(); n != 0 {
				t.Fatal(n)
			}
			if err := a.drawPicture(t.Context()); err != nil { // without a look at the doubts
				t.Fatal(err)
			}
			want := map[string]int{"open": 0, "over": 1}[name]
			if n := a.told(t); n != want {
				t.Errorf("%d sessions are told, want %d", n, want)
			}
		})
	}
}

// Of two doubts about one session the later end counts, in whatever order they came.
func TestDoubtsEndWithTheLastOfThem(t *testing.T) {
	t.Parallel()
	var d doubts
	now := time.Now()
	d.add("s", now.Add(time.Minute))
	d.add("s", now)
	if ids := d.ripe(now.Add(time.Minute)); len(ids) != 0 {
		t.Error("the later of the two moves may still come")
	}
	if ids := d.ripe(now.Add(2 * time.Minute)); len(ids) != 1 {
		t.Error("the doubt never ends")
	}
}
