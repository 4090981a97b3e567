package balancer

import (
	"errors"
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
		b := open(t, prefix, redisx.Options{Seeds: r.Addrs(), Dial: drop.Dial})
		ctx, nodes, dropped := t.Context(), b.nodes(2, 10), 0
		for _, source := range []string{reserveSource, settleSource, leavingSource, snapshotSource, correctSource, forgetSource} {
			// So that the first call by digest is executed.
			if err := b.redis.Redis().ScriptLoad(ctx, source).Err(); err != nil {
				t.Fatal(err)
			}
		}
		lose := func(source string) { dropped++; drop.Arm(1, redistest.Script(source).Holding(prefix)) }
		state := func(what string, load int, moves int64, under int) {
			t.Helper()
			if drop.Dropped() != dropped {
				t.Fatalf("%s: %d replies dropped, want %d", what, drop.Dropped(), dropped)
			}
			sum, moved, pending := 0, int64(0), 0
			for _, n := range nodes {
				s := b.snapshot(n.Node)
				sum, pending = sum+s.Load, pending+len(s.Reservations)
				if s.Moves > 0 {
					moved += s.Moves - b.start(n.Node)
				}
			}
			if sum != load || moved != moves || pending != under {
				t.Errorf("%s: %d sessions, %d moves, %d attempts; want %d, %d, %d", what, sum, moved, pending, load, moves, under)
			}
		}
		for _, strategy := range strategies {
			b := b.using(Config{Strategy: strategy})
			lose(reserveSource)
			placed := b.reserve(Request{Attempts: attempts(3), Candidates: nodes})
			if len(placed) != 3 {
				t.Fatalf("%s: %d placed", strategy, len(placed))
			}
			b.began(nodes)
			state("reserve", 3, 0, 3)
			b.began(nodes)
			lose(settleSource)
			for _, p := range placed {
				if err := b.Settle(ctx, Outcome{Key: p.Key, Session: p.Session, Node: p.Node.Node}); err != nil {
					t.Fatal(err)
				}
			}
			state("settle", 0, 3, 0)
		}
		p := b.reserve(Request{Attempts: attempts(1), Candidates: nodes[:1]})[0]
		if err := b.Settle(ctx, Outcome{Key: p.Key, Session: p.Session, Kept: true}); err != nil {
			t.Fatal(err)
		}
		b.began(nodes)
		lose(leavingSource)
		if err := b.Leaving(ctx, Departure{p.Session, "leave", "n000"}); err != nil {
			t.Fatal(err)
		}
		state("leaving", 1, 1, 1)
		lose(settleSource)
		if err := b.Settle(ctx, Outcome{Key: "leave", Session: p.Session, Node: "n000"}); err != nil {
			t.Fatal(err)
		}
		state("settle", 0, 2, 0)
		lose(snapshotSource)
		s := b.snapshot("n000")
		lose(correctSource)
		if done, err := b.Correct(ctx, "n000", s.Moves, 4); !done || err != nil {
			t.Errorf("correct: %v, %v", done, err)
		}
		state("correct", 4, 2, 0)
		b.redis.Redis().Del(ctx, b.keys.Node("n000"))
		lose(forgetSource)
		if done, err := b.Forget(ctx, "n000"); !done || err != nil || drop.Dropped() != dropped {
			t.Errorf("forget: %v, %v", done, err)
		}
		if _, known := b.counts()["n000"]; known {
			t.Error("n000 still has a count")
		}
	})
}

// began remembers each node's moves in a key beside the others; start returns them.
func (b bench) began(nodes []session.Node) {
	for _, n := range nodes {
		b.redis.Redis().HSet(b.t.Context(), b.keys.Meta(), string(n.Node), b.snapshot(n.Node).Moves)
	}
}

func (b bench) start(node session.NodeID) int64 {
	n, _ := b.redis.Redis().HGet(b.t.Context(), b.keys.Meta(), string(node)).Int64()
	return n
}

// TestAFullRedisLetsSessionsMove has a server over its limit: takeovers and deletes must pass there.
func TestAFullRedisLetsSessionsMove(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t, redistest.MaxMemory(64<<20, "noeviction"))
	b := open(t, "full", redisx.Options{Seeds: server.Addrs()})
	ctx, nodes := t.Context(), b.nodes(2, 10)
	if err := server.Node().Admin(t).ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := b.redis.Redis().Set(ctx, "more", "x", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "OOM") {
		t.Fatalf("the server is not full: %v", err)
	}
	placed := b.reserve(Request{Attempts: attempts(2), Candidates: nodes})
	b.using(Config{Strategy: RoundRobin}).reserve(Request{Attempts: attempts(1), Candidates: nodes})
	if err := b.Leaving(ctx, Departure{placed[0].Session, "leave", placed[0].Node.Node}); err != nil {
		t.Errorf("leaving: %v", err)
	}
	for _, p := range placed {
		if err := b.Settle(ctx, Outcome{Key: p.Key, Session: p.Session, Node: p.Node.Node, Kept: true}); err != nil {
			t.Errorf("settle: %v", err)
		}
	}
	s := b.snapshot("n000")
	if done, err := b.Correct(ctx, "n000", s.Moves, 3); !done || err != nil {
		t.Errorf("correct: %v, %v", done, err)
	}
}

func TestARedisThatIsAwayIsNoRefusal(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	b := open(t, "away", redisx.Options{Seeds: server.Addrs(), Patience: 100 * time.Millisecond})
	ctx, nodes := t.Context(), b.nodes(1, 1)
	server.Node().Kill(t)
	_, reserve := b.Reserve(ctx, Request{Attempts: attempts(1), Candidates: nodes})
	_, counts := b.Counts(ctx)
	_, snapshot := b.Snapshot(ctx, "n000")
	_, correct := b.Correct(ctx, "n000", 0, 0)
	_, forget := b.Forget(ctx, "n000")
	for what, err := range map[string]error{
		"reserve": reserve, "counts": counts, "snapshot": snapshot, "correct": correct, "forget": forget,
		"settle": b.Settle(ctx, Outcome{Key: "k"}), "leaving": b.Leaving(ctx, Departure{Key: "k", Node: "n000"}),
	} {
		var away *session.UnavailableError
		if !errors.As(err, &away) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}
