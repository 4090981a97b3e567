package registry

import (
	"context"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// TestEveryScriptRunTwiceIsAsOnce drops the reply of one execution of each script: the client sends it again.
func TestEveryScriptRunTwiceIsAsOnce(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		drop, prefix := redistest.DropReplies(), redistest.Prefix(t)
		f := newFleet(t, prefix, redisx.Options{Seeds: r.Addrs(), Dial: drop.Dial})
		watch := newFleet(t, prefix, redisx.Options{Seeds: r.Addrs()}).joined("w", timeout(time.Minute))
		ctx := t.Context()
		f.load(metaSource, registerSource, setStateSource, beatSource, leaveSource, reapSource, recoveredSource, refreshSource,
			burySource, drainSource, reportSource)
		dropped := 0
		arm := func(source string) { dropped++; drop.Arm(1, redistest.Script(source).Holding(prefix)) }
		hit := func(what string) {
			t.Helper()
			if drop.Dropped() != dropped {
				t.Fatalf("%s: %d replies dropped, want %d", what, drop.Dropped(), dropped)
			}
		}

		arm(metaSource)
		a := f.node("a", timeout(time.Minute))
		if got, err := a.CheckMeta(ctx, Meta{Schema, 16, 2, ""}); err != nil || got.Secret == "" || got != (Meta{Schema, 16, 2, got.Secret}) {
			t.Errorf("meta: %v, %v", got, err)
		}
		hit("meta")
		arm(registerSource)
		if err := a.join(ctx); err != nil {
			t.Fatal(err)
		}
		hit("register")
		holder := a.Self().Holder
		arm(setStateSource)
		if n, err := a.SetState(ctx, "a", session.Draining); err != nil || n.State != session.Draining {
			t.Errorf("setstate: %v, %v", n, err)
		}
		hit("setstate")
		f.redis.Redis().ZAdd(ctx, f.keys.Load(), z("a", 3))
		arm(drainSource)
		if n, err := a.Drain(ctx, "a", time.Minute); err != nil || n.Drain == nil || n.Drain.From != 3 || n.Drain.Deadline.Sub(n.Drain.StartedAt) != time.Minute {
			t.Errorf("drain: %+v, %v", n.Drain, err)
		}
		hit("drain")
		arm(beatSource)
		if err := a.beat(ctx); err != nil || a.Self().Holder != holder || a.Self().State != session.Draining {
			t.Errorf("beat: %v, %+v", err, a.Self())
		}
		hit("beat")
		arm(leaveSource)
		if err := a.Leave(ctx, 1); err != nil {
			t.Error(err)
		}
		hit("leave with sessions")

		b := f.joined("b", timeout(time.Minute))
		arm(reportSource)
		if quarantined, err := b.Report(ctx, Verdict{watch.Self().Holder, "silent", 2}); err != nil || quarantined {
			t.Errorf("report: one of two is not more than half: %v, %v", quarantined, err)
		}
		hit("report")
		c := f.joined("c", timeout(time.Minute)).Self().Holder
		arm(burySource)
		if got, err := b.Bury(ctx, c); err != nil || got != Buried {
			t.Errorf("bury: %v, %v", got, err)
		}
		hit("bury")
		if n := f.redis.Redis().ZCard(ctx, f.keys.Deaths()).Val(); n != 1 {
			t.Errorf("%d deaths are counted", n)
		}
		recoverAll(t, b, c)
		arm(reapSource)
		if dead, err := b.Dead(ctx, 0); err != nil || len(dead) != 1 || dead[0] != holder {
			t.Errorf("reap: %v, %v", dead, err)
		}
		hit("reap")
		for p := range 2 {
			arm(recoveredSource)
			total, finished, err := b.Recovered(ctx, holder, p, 2, newIncarnation(), Tally{5, 4, 1})
			if want := (Tally{5 * (p + 1), 4 * (p + 1), p + 1}); err != nil || total != want || finished != (p == 1) {
				t.Errorf("recovered: %+v, %v, %v", total, finished, err)
			}
			hit("recovered")
		}
		if _, finished, err := b.Recovered(ctx, holder, 1, 2, newIncarnation(), Tally{}); finished || err != nil {
			t.Errorf("finished twice: %v", err)
		}
		arm(leaveSource)
		if err := b.Leave(ctx, 0); err != nil {
			t.Error(err)
		}
		hit("leave")
		arm(refreshSource)
		if view, err := f.node("d").Refresh(ctx); err != nil || len(view.Nodes()) != 1 {
			t.Errorf("refresh: %v, %v", view.Nodes(), err)
		}
		hit("refresh")
		if view, err := watch.Refresh(ctx); err != nil || len(view.Nodes()) != 1 {
			t.Errorf("%v, %v", view.Nodes(), err)
		}
	})
}

// TestAFullRedisKeepsTheFleetAlive has a server over its limit: what keeps nodes alive must pass, and a plain write must not.
func TestAFullRedisKeepsTheFleetAlive(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t, redistest.MaxMemory(64<<20, "noeviction"))
	f := newFleet(t, "full", redisx.Options{Seeds: server.Addrs()})
	a, b := f.joined("a", timeout(MinHeartbeatTimeout)), f.joined("b", timeout(time.Minute))
	peer := f.joined("c", timeout(time.Minute)).Self().Holder
	f.joined("d", timeout(time.Minute))
	ctx := t.Context()
	if err := server.Node().Admin(t).ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := f.redis.Redis().Set(ctx, "more", "x", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "OOM") {
		t.Fatalf("the server is not full: %v", err)
	}
	eventually(t, "the node ends", func() bool { return mustNode(t, b, "a").State == session.Dead })
	if dead, err := b.Dead(ctx, 0); err != nil || len(dead) != 1 {
		t.Errorf("reap: %v, %v", dead, err)
	}
	former := a.Self().Holder
	if err := a.beat(ctx); err != nil || !a.Trusted() {
		t.Errorf("a node found dead must register anew: %v", err)
	}
	if err := b.beat(ctx); err != nil {
		t.Errorf("beat: %v", err)
	}
	if _, err := b.SetState(ctx, "b", session.Cordoned); err != nil {
		t.Errorf("setstate: %v", err)
	}
	if _, err := b.Drain(ctx, "b", time.Minute); err != nil {
		t.Errorf("drain: %v", err)
	}
	for _, why := range []string{"silent", ""} {
		if quarantined, err := b.Report(ctx, Verdict{peer, why, 1}); err != nil || quarantined != (why != "") {
			t.Errorf("report: %v, %v", quarantined, err)
		}
	}
	if got, err := b.Bury(ctx, peer); err != nil || got != Buried {
		t.Errorf("bury: %v, %v", got, err)
	}
	if total := recoverAll(t, b, former); total.Expected != 32 {
		t.Errorf("recovered: %+v", total)
	}
	if err := b.Leave(ctx, 1); err != nil {
		t.Errorf("leave: %v", err)
	}
}

// TestANodeOutlivesARedisThatComesBackEmpty kills the server and starts it again without its data.
func TestANodeOutlivesARedisThatComesBackEmpty(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	f := newFleet(t, "back", redisx.Options{Seeds: server.Addrs(), Patience: 100 * time.Millisecond})
	r := f.node("a", timeout(time.Second))
	stop := f.run(r)
	holder := r.Self().Holder
	server.Node().Kill(t)
	eventually(t, "it stops trusting itself", func() bool { return !r.Trusted() })
	server.Node().Restart(t)
	eventually(t, "it trusts itself again", r.Trusted)
	if r.Self().Holder != holder {
		t.Error("nobody declared it dead, yet it took a fresh incarnation")
	}
	eventually(t, "the view works again", func() bool { return r.View().Live(holder) && r.View().Age() < time.Second })
	if f.log.count("heartbeat works again") != 1 {
		t.Errorf("log:\n%s", f.log)
	}
	stop()
}

func TestRunSaysThatRedisIsAway(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	f := newFleet(t, "away", redisx.Options{Seeds: server.Addrs(), Patience: 100 * time.Millisecond})
	server.Node().Kill(t)
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	if err := f.node("a").Run(ctx); err == nil || !strings.Contains(err.Error(), "store unavailable") {
		t.Errorf("got %v", err)
	}
}
