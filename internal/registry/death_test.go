package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"orchestrator/internal/session"
)

// killed returns the holder of a node that registered and was never heard of again, once somebody has found it dead.
func killed(t *testing.T, f *fleet, id session.NodeID, watch *Registry) (*Registry, session.Holder) {
	t.Helper()
	r := f.joined(id, timeout(MinHeartbeatTimeout))
	holder := r.Self().Holder
	eventually(t, "it is found dead", func() bool {
		dead, err := watch.Dead(t.Context(), 0)
		return err == nil && len(dead) == 1 && dead[0] == holder
	})
	r.cfg.HeartbeatTimeout = time.Minute // what it registers from now on outlasts the test, on a busy machine too
	return r, holder
}

func TestAnEndedRegistrationShowsAsDeadUntilReaped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		watch := f.node("w")
		f.run(watch)
		r := f.joined("a", timeout(MinHeartbeatTimeout))
		eventually(t, "the view says so", func() bool {
			n := mustNode(t, watch, "a")
			return n.State == session.Dead && !watch.View().Live(r.Self().Holder)
		})
		eventually(t, "it is found dead", func() bool { // the embedded server's keys end up to a tick before their time
			dead, err := watch.Dead(t.Context(), 0)
			return err == nil && len(dead) == 1 && dead[0] == r.Self().Holder
		})
		view, _ := watch.Refresh(t.Context())
		if _, found := view.Node("a"); found {
			t.Error("it is still registered")
		}
	})
}

func TestDeathIsFinalPerIncarnation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		watch := f.node("w")
		f.run(watch)
		r, former := killed(t, f, "a", watch)
		if err := r.beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		now := r.Self().Holder
		if now.Node != "a" || now.Incarnation == former.Incarnation || !r.Trusted() {
			t.Errorf("it goes on as %v after %v", now, former)
		}
		if dead, err := watch.Dead(t.Context(), 0); err != nil || len(dead) == 0 || dead[0] != former {
			t.Errorf("its former self is no longer to be recovered: %v, %v", dead, err)
		}
		recoverAll(t, watch, former)
		if n := mustNode(t, watch, "a"); n.Incarnation != now.Incarnation {
			t.Errorf("the recovery of the former touched the present: %+v", n)
		}
		if len(f.exists(f.keys.Incarnations(), f.keys.Load())) != 2 {
			t.Error("the present registration lost its incarnation or its load")
		}
	})
}

func recoverAll(t *testing.T, r *Registry, h session.Holder) Tally {
	t.Helper()
	for p := range 16 {
		total, finished, err := r.Recovered(t.Context(), h, p, 16, newIncarnation(), Tally{2, 1, 1})
		if err != nil || finished != (p == 15) {
			t.Fatalf("partition %d: %v, %v", p, finished, err)
		}
		if finished {
			return total
		}
	}
	return Tally{}
}

// A node that was found dead and did not notice may leave with nothing in hand: its recovery goes on to its end.
func TestTheDeadDoNotLeave(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		watch := f.node("w")
		f.run(watch)
		r, holder := killed(t, f, "a", watch)
		if err := r.Leave(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if total := recoverAll(t, watch, holder); total != (Tally{32, 16, 16}) {
			t.Errorf("total %+v", total)
		}
		if dead, err := watch.Dead(t.Context(), 0); err != nil || len(dead) != 0 {
			t.Errorf("dead: %v, %v", dead, err)
		}
		if n := len(f.exists(f.keys.Node("a"))); n != 0 || f.redis.Redis().HExists(t.Context(), f.keys.Incarnations(), "a").Val() {
			t.Error("it is still registered")
		}
	})
}

func TestARecoveredIncarnationStaysDead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		watch := f.node("w")
		f.run(watch)
		r, former := killed(t, f, "a", watch)
		if total := recoverAll(t, watch, former); total != (Tally{32, 16, 16}) {
			t.Errorf("total %+v", total)
		}
		if dead, err := watch.Dead(t.Context(), 0); err != nil || len(dead) != 0 {
			t.Errorf("dead: %v, %v", dead, err)
		}
		if counts := f.redis.Redis().ZScore(t.Context(), f.keys.Load(), "a"); counts.Err() == nil {
			t.Error("it still has a live count")
		}
		if err := r.beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r.Self().Incarnation == former.Incarnation {
			t.Error("it rose again")
		}
	})
}

func TestRecoveryFinishesExactlyOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		watch := f.node("w")
		f.run(watch)
		_, dead := killed(t, f, "a", watch)
		const partitions = 64
		var mu sync.Mutex
		var ends []Tally
		var wg sync.WaitGroup
		for worker := range 4 {
			wg.Go(func() {
				for i := range partitions {
					// Each partition is done by two workers, one of which found nothing left to do.
					p, t1 := (i+worker*16)%partitions, Tally{}
					if worker%2 == p%2 {
						t1 = Tally{3, 2, 1}
					}
					if worker >= 2 {
						t1 = Tally{}
					}
					total, finished, err := watch.Recovered(t.Context(), dead, p, partitions, newIncarnation(), t1)
					if err != nil {
						t.Error(err)
					}
					if finished {
						mu.Lock()
						ends = append(ends, total)
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		if len(ends) != 1 || ends[0].Recovered+ends[0].Lost != ends[0].Expected || ends[0].Expected > 3*partitions {
			t.Errorf("finished with %v", ends)
		}
		ttl := f.redis.Redis().PTTL(t.Context(), f.keys.Recovery(dead)).Val()
		if ttl <= certificateKept-time.Minute || ttl > certificateKept {
			t.Errorf("the certificate is kept for %s", ttl)
		}
	})
}

func TestRecoveredRefusesAnUnknownPartition(t *testing.T) {
	t.Parallel()
	f := embedded(t)
	r := f.joined("a")
	var invalid *session.InvalidError
	if _, _, err := r.Recovered(t.Context(), session.Holder{Node: "b"}, 16, 16, "w", Tally{}); !errors.As(err, &invalid) {
		t.Errorf("got %v", err)
	}
	if total, finished, err := r.Recovered(t.Context(), session.Holder{Node: "b", Incarnation: "x"}, 1, 16, "w", Tally{1, 1, 0}); err != nil || finished || total != (Tally{}) {
		t.Errorf("a holder that is not dead: %+v, %v, %v", total, finished, err)
	}
}

func TestALostRegistrationIsRestored(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		r, k, rdb := f.joined("a", timeout(time.Minute)), f.keys, f.redis.Redis()
		if _, err := r.SetState(t.Context(), "a", session.Cordoned); err != nil {
			t.Fatal(err)
		}
		holder := r.Self().Holder
		for _, lost := range [][]string{{k.Node("a")}, {k.Nodes()}, {k.Load()}, {k.Nodes(), k.Node("a"), k.Incarnations(), k.Load()}} {
			for _, key := range lost {
				rdb.Del(t.Context(), key)
			}
			if err := r.beat(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := mustNode(t, r, "a"); n.Holder != holder || n.State != session.Cordoned {
				t.Errorf("without %v it came back as %+v", lost, n)
			}
			if missing := f.exists(k.Nodes(), k.Node("a"), k.Incarnations(), k.Load()); len(missing) != 4 {
				t.Errorf("only %v were restored", missing)
			}
		}
	})
}

func TestALateBeatRenewsWhatNobodyReaped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		r := f.joined("a", timeout(MinHeartbeatTimeout))
		holder := r.Self().Holder
		eventually(t, "the registration ends", func() bool { return mustNode(t, r, "a").State == session.Dead })
		if err := r.beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r.Self().Holder != holder {
			t.Error("it took a fresh incarnation")
		}
	})
}

func TestANameInUseIsRefusedAndSaidSo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		f.run(f.node("a", timeout(time.Second)))
		second := f.node("a", timeout(MinHeartbeatTimeout))
		err := second.Run(t.Context())
		var invalid *session.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "nodeId" || !strings.Contains(err.Error(), "10.0.0.1:8080") {
			t.Errorf("got %v", err)
		}
		if second.Trusted() {
			t.Error("it trusts itself")
		}
	})
}

func TestAQuickRestartWaitsForItsFormerSelf(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		former := f.joined("a", timeout(time.Second)).Self().Holder
		again := f.node("a", timeout(time.Second))
		start := time.Now()
		f.run(again)
		t.Logf("registered after %s", time.Since(start))
		dead, err := again.Dead(t.Context(), 0)
		if err != nil || len(dead) != 1 || dead[0] != former {
			t.Errorf("the former self is to be recovered, dead: %v, %v", dead, err)
		}
	})
}

func TestANodeWhoseNameWasTakenGivesUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		r := f.joined("a", timeout(MinHeartbeatTimeout))
		f.run(f.node("a", timeout(time.Second)))
		var invalid *session.InvalidError
		if err := r.beats(t.Context()); !errors.As(err, &invalid) || invalid.Field != "nodeId" {
			t.Errorf("got %v", err)
		}
	})
}

func TestLeavingWithSessionsInHandIsDeathAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		watch := f.node("w")
		f.run(watch)
		for i, leave := range []func(r *Registry) error{
			func(r *Registry) error { return r.Leave(t.Context(), 3) },
			func(r *Registry) error {
				f.redis.Redis().ZIncrBy(t.Context(), f.keys.Load(), 2, "b1")
				return r.Leave(t.Context(), 0)
			},
		} {
			r := f.joined(session.NodeID(fmt.Sprintf("b%d", i)), timeout(time.Minute))
			if err := leave(r); err != nil {
				t.Fatal(err)
			}
			dead, err := watch.Dead(t.Context(), 0)
			if err != nil || len(dead) != 1 || dead[0] != r.Self().Holder {
				t.Errorf("%d: dead: %v, %v", i, dead, err)
			}
			if r.beat(t.Context()) != nil || r.Trusted() {
				t.Error("it came back by a beat")
			}
			recoverAll(t, watch, r.Self().Holder)
		}
	})
}

func TestRunThatIsToldToEndWhileWaitingEnds(t *testing.T) {
	t.Parallel()
	f := embedded(t)
	f.joined("a", timeout(time.Minute))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.node("a", timeout(time.Minute)).Run(ctx) }()
	eventually(t, "it waits", func() bool { return f.log.count("waiting for the former registration") == 1 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
