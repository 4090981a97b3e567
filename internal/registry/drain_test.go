package registry

import (
	"errors"
	"testing"
	"time"

	"orchestrator/internal/session"
)

func TestADrainTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		ctx, a, b := t.Context(), f.node("a"), f.joined("b", timeout(time.Minute))
		f.run(a)
		f.redis.Redis().ZAdd(ctx, f.keys.Load(), z("a", 7))
		first, err := b.Drain(ctx, "a", time.Minute)
		if err != nil || first.State != session.Draining || first.Takes() || first.Drain == nil {
			t.Fatalf("got %+v, %v", first, err)
		}
		if d := *first.Drain; d.From != 7 || d.Deadline.Sub(d.StartedAt) != time.Minute || b.View().Time().Sub(d.StartedAt).Abs() > patient {
			t.Errorf("got %+v", d)
		}
		eventually(t, "the node learns its state", func() bool { return a.Self().State == session.Draining })
		f.redis.Redis().ZAdd(ctx, f.keys.Load(), z("a", 3))
		eventually(t, "time goes on", func() bool { return f.redis.Now().After(first.Drain.StartedAt.Add(2 * time.Millisecond)) })
		again, err := b.Drain(ctx, "a", time.Hour)
		if err != nil || again.Drain == nil || again.Sessions != 3 || again.Drain.From != 7 || !again.Drain.StartedAt.Equal(first.Drain.StartedAt) ||
			again.Drain.Deadline.Before(first.Drain.StartedAt.Add(time.Hour)) {
			t.Errorf("asked again: %+v, %v", again.Drain, err)
		}
		beat := mustNode(t, b, "a").ExpiresAt
		eventually(t, "a beat", func() bool { return mustNode(t, b, "a").ExpiresAt.After(beat) })
		if n := mustNode(t, b, "a"); n.Drain == nil || *n.Drain != *again.Drain {
			t.Errorf("after a beat: %+v", n.Drain)
		}
	})
}

func TestADrainIsUndone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		ctx, r := t.Context(), f.joined("a", timeout(time.Minute))
		for _, s := range []session.NodeState{session.Ready, session.Cordoned} {
			if _, err := r.Drain(ctx, "a", time.Hour); err != nil || r.Self().State != session.Draining {
				t.Fatalf("%s, %v", r.Self().State, err)
			}
			if n, err := r.SetState(ctx, "a", s); err != nil || n.State != s || n.Drain != nil {
				t.Errorf("%s: %+v, %v", s, n, err)
			}
			if left := f.redis.Redis().HMGet(ctx, f.keys.Node("a"), "drainStartedAt", "drainDeadline", "drainFrom").Val(); left[0] != nil || left[1] != nil || left[2] != nil {
				t.Errorf("%s: left behind: %v", s, left)
			}
		}
		f.redis.Redis().ZAdd(ctx, f.keys.Load(), z("a", 2))
		if n, err := r.Drain(ctx, "a", 0); err != nil || n.Drain.From != 2 || !n.Drain.Deadline.Equal(n.Drain.StartedAt) {
			t.Errorf("a drain after one that was undone: %+v, %v", n.Drain, err)
		}
		if n, err := r.SetState(ctx, "a", session.Draining); err != nil || n.Drain == nil || n.Drain.From != 2 {
			t.Errorf("set to what it is: %+v, %v", n, err)
		}
	})
}

func TestADrainOutlivesALostHashButNotItsNotes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		ctx, r := t.Context(), f.joined("a", timeout(time.Minute))
		if _, err := r.Drain(ctx, "a", time.Hour); err != nil {
			t.Fatal(err)
		}
		f.redis.Redis().Del(ctx, f.keys.Node("a"))
		if err := r.beat(ctx); err != nil {
			t.Fatal(err)
		}
		if n := mustNode(t, r, "a"); n.State != session.Draining || n.Drain == nil || *n.Drain != (session.Drain{}) {
			t.Errorf("it came back as %+v, drain %+v", n, n.Drain)
		}
		f.redis.Redis().HSet(ctx, f.keys.Node("a"), "drainStartedAt", "soon", "drainDeadline", "later", "drainFrom", "-1")
		if n := mustNode(t, r, "a"); n.Drain == nil || *n.Drain != (session.Drain{}) {
			t.Errorf("notes that cannot be read: %+v", n.Drain)
		}
		f.redis.Redis().HDel(ctx, f.keys.Node("a"), "drainFrom")
		if n, err := r.Drain(ctx, "a", time.Hour); err != nil || n.Drain.Deadline.Sub(n.Drain.StartedAt) != time.Hour {
			t.Errorf("a drain of which too little is noted: %+v, %v", n.Drain, err)
		}
	})
}

// TestARegistrationSentAgainKeepsWhatOthersSaid executes register a second time after the node was drained and quarantined.
func TestARegistrationSentAgainKeepsWhatOthersSaid(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		ctx, a, b := t.Context(), f.joined("a", timeout(time.Minute)), f.joined("b", timeout(time.Minute))
		sent := a.ownArgs(a.Self())
		drained, err := b.Drain(ctx, "a", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if quarantined, err := b.Report(ctx, Verdict{a.Self().Holder, "silent", 1}); err != nil || !quarantined {
			t.Fatal(quarantined, err)
		}
		if _, err := a.redis.Run(ctx, registerScript, append(a.ownKeys(a.Self().Holder), f.keys.Deaths(), f.keys.FleetEvents()), sent...); err != nil {
			t.Fatal(err)
		}
		if n := mustNode(t, b, "a"); n.State != session.Draining || n.Drain == nil || *n.Drain != *drained.Drain || n.Quarantine == "" {
			t.Errorf("it is %+v", n)
		}
		bury(t, b, a.Self().Holder, Buried)
		f.redis.Redis().HSet(ctx, f.keys.Node("a"), "quarantine", "of another", "state", "draining", "incarnation", "another")
		fresh := f.joined("a", timeout(time.Minute))
		if n := mustNode(t, b, "a"); n.Holder != fresh.Self().Holder || n.State != session.Ready || n.Drain != nil || n.Quarantine != "" {
			t.Errorf("a fresh incarnation is %+v", n)
		}
	})
}

func TestDrainRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		r := f.joined("a", timeout(time.Minute))
		if _, err := r.Drain(t.Context(), "nobody", time.Second); !errors.Is(err, session.ErrNodeNotFound) {
			t.Errorf("got %v", err)
		}
		var invalid *session.InvalidError
		if _, err := r.Drain(t.Context(), "a", -1); !errors.As(err, &invalid) || invalid.Field != "deadline" {
			t.Errorf("got %v", err)
		}
		f.redis.Redis().ZAdd(t.Context(), f.keys.Nodes(), z("a", 1))
		if _, err := r.Drain(t.Context(), "a", time.Second); !errors.Is(err, session.ErrNodeNotFound) {
			t.Errorf("its registration has ended: %v", err)
		}
		f.redis.Redis().HSet(t.Context(), f.keys.Node("a"), "state", "draining")
		if n := mustNode(t, r, "a"); n.State != session.Dead || n.Drain != nil {
			t.Errorf("an ended one drains: %+v", n)
		}
	})
}
