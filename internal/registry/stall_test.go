package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// TestNobodyDiesOfARedisThatStoodStill stops Redis for longer than the timeout, with beats and looks for the dead on their way.
func TestNobodyDiesOfARedisThatStoodStill(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	const beat = time.Second
	var nodes []*Registry
	var before []session.Holder
	for i := range 4 { // a client each, as processes have
		f := newFleet(t, "stall", redisx.Options{Seeds: server.Addrs()})
		r := f.node(session.NodeID(fmt.Sprintf("n%d", i)), timeout(beat))
		f.run(r)
		nodes, before = append(nodes, r), append(before, r.Self().Holder)
	}
	eventually(t, "all are steady", func() bool { return steady(nodes, beat) })
	ctx, cancel := context.WithCancel(t.Context())
	var under, waited atomic.Int32
	var paused atomic.Bool
	var wg sync.WaitGroup
	for _, r := range nodes {
		for range 4 {
			wg.Go(func() {
				for sleep(ctx, time.Millisecond, nil) {
					if r.Steady() < beat {
						continue
					}
					under.Add(1)
					dead, err := r.Dead(ctx, 0)
					under.Add(-1)
					if paused.Load() {
						waited.Add(1)
					}
					if len(dead) > 0 {
						t.Errorf("%s declared %v dead", r.Self().Node, dead)
					}
					var away *session.UnavailableError
					if err != nil && !errors.As(err, &away) && !errors.Is(err, session.ErrFenced) && ctx.Err() == nil {
						t.Error(err)
					}
				}
			})
		}
	}
	for round := range 2 {
		server.Node().Pause(t)
		paused.Store(true)
		eventually(t, "calls are on their way", func() bool { return under.Load() > 4 })
		start := time.Now()
		eventually(t, "the timeout is over", func() bool { return time.Since(start) > beat*time.Duration(6+round)/5 })
		server.Node().Resume(t)
		eventually(t, "all are steady again", func() bool { return steady(nodes, beat) })
		paused.Store(false)
	}
	cancel()
	wg.Wait()
	for i, r := range nodes {
		if r.Self().Holder != before[i] {
			t.Errorf("%v goes on as %v", before[i], r.Self().Holder)
		}
	}
	t.Logf("%d calls ended while Redis stood still or was coming back", waited.Load())
}

func steady(nodes []*Registry, d time.Duration) bool {
	for _, r := range nodes {
		if r.Steady() < d {
			return false
		}
	}
	return true
}

// TestALookThatComesLateDeclaresNobody runs a look, and a burial, that was sent in time and arrives after the caller's word has ended.
func TestALookThatComesLateDeclaresNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		ctx, k := t.Context(), f.keys
		r := f.joined("w", timeout(time.Minute))
		f.redis.Redis().ZAdd(ctx, k.Nodes(), z("a", 1))
		f.redis.Redis().HSet(ctx, k.Incarnations(), "a", "gone")
		keys := []string{k.Nodes(), k.Incarnations(), k.Dead(), k.Deaths(), k.Brake(), k.FleetEvents()}
		buryKeys := []string{k.Nodes(), k.Node("a"), k.Incarnations(), k.Dead(), k.Deaths(), k.Brake(), k.FleetEvents()}
		for _, c := range []struct {
			until time.Time
			dead  int
			bury  string
		}{{r.View().Time(), 0, "late"}, {r.judgesUntil(r.trusts()), 1, "buried"}} {
			reply, err := r.redis.Run(ctx, reapScript, keys, reapLimit, c.until.UnixMilli(), r.brakeWindow(), "w", r.trusts().ends.UnixMilli())
			if list, _ := reply.([]any); err != nil || len(list) != 2 || len(r.holders(list[1])) != c.dead {
				t.Errorf("until %s it declared %v, %v", c.until, reply, err)
			}
			if reply, err := r.redis.Run(ctx, buryScript, buryKeys, "a", "gone", c.until.UnixMilli(), r.brakeWindow(), "w"); err != nil || reply != c.bury {
				t.Errorf("until %s the burial ended with %v, %v", c.until, reply, err)
			}
		}
	})
}

func TestSteadyBeginsAnewAfterABreak(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		ctx, limit := t.Context(), 400*time.Millisecond
		r := f.node("a", timeout(limit*5/4))
		if r.Steady() != 0 {
			t.Error("a node that has not joined is steady")
		}
		if err := r.join(ctx); err != nil {
			t.Fatal(err)
		}
		// Beats in time, however many, are one row.
		eventually(t, "it has been steady for longer than one beat lasts", func() bool {
			if err := r.beat(ctx); err != nil {
				t.Fatal(err)
			}
			return r.Steady() > limit+limit/2
		})
		// Nobody looks while trust lapses.
		was := r.trusts().sent
		eventually(t, "trust lapses", func() bool { return time.Since(was) > limit })
		if r.Steady() != 0 {
			t.Error("a node that is not trusted is steady")
		}
		back := time.Now()
		if err := r.beat(ctx); err != nil {
			t.Fatal(err)
		}
		if d := r.Steady(); d > time.Since(back) {
			t.Errorf("steady for %s, trusted again for %s", d, time.Since(back))
		}
		if err := r.Leave(ctx, 0); err != nil {
			t.Fatal(err)
		}
		if r.Steady() != 0 {
			t.Error("a node that has left is steady")
		}
	})
}

func TestAClockThatIsSetForwardBreaksSteadiness(t *testing.T) {
	t.Parallel()
	now := time.Now()
	first := trust{}.renewed(now, now.Add(time.Second), 800*time.Millisecond)
	since := first.since
	if next := first.renewed(now, now.Add(1200*time.Millisecond), 800*time.Millisecond); !next.since.Equal(since) {
		t.Error("a beat in time broke it")
	}
	if next := first.renewed(now, now.Add(4*time.Second), 800*time.Millisecond); next.since.Equal(since) {
		t.Error("a jump of three seconds did not break it")
	}
}
