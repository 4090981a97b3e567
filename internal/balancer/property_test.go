package balancer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"orchestrator/internal/session"
)

func zscore(member string, score float64) redis.Z { return redis.Z{Member: member, Score: score} }

func itoa(n int64) string { return fmt.Sprint(n) }

// entry is one attempt under way.
type entry struct {
	attempt Attempt
	node    session.NodeID
	leaving bool
}

// ledger is what the scripts are meant to do, in Go.
type ledger struct {
	limit   int
	count   map[session.NodeID]int
	moves   map[session.NodeID]int64 // since the start
	pending map[string]entry
	owned   map[session.ID]session.NodeID
}

// TestTheLedgerKeepsItsRules runs the operations at random, some of them twice, beside the ledger in Go. rapid prints the seed.
func TestTheLedgerKeepsItsRules(t *testing.T) {
	t.Parallel()
	b := embedded(t)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		nodes := make([]session.Node, 3)
		l := ledger{rapid.IntRange(1, 4).Draw(rt, "limit"), map[session.NodeID]int{}, map[session.NodeID]int64{}, map[string]entry{}, map[session.ID]session.NodeID{}}
		for i := range nodes {
			nodes[i] = b.register(named(fmt.Sprintf("r%d-%d", run, i), l.limit))
			l.count[nodes[i].Node] = 0
		}
		start := map[session.NodeID]int64{}
		rt.Repeat(map[string]func(*rapid.T){
			"reserve": func(rt *rapid.T) { l.reserve(rt, b, nodes) },
			"leave":   func(rt *rapid.T) { l.leave(rt, b) },
			"settle":  func(rt *rapid.T) { l.settle(rt, b) },
			"correct": func(rt *rapid.T) { l.correct(rt, b, nodes) },
			"look":    func(rt *rapid.T) { l.check(rt, b, nodes, start) },
		})
		l.check(rt, b, nodes, start)
	})
}

func (l *ledger) reserve(rt *rapid.T, b bench, nodes []session.Node) {
	asked := attempts(rapid.IntRange(1, 5).Draw(rt, "attempts"))
	if len(l.pending) > 0 && rapid.Bool().Draw(rt, "with a known one") {
		if e := l.pending[rapid.SampledFrom(slices.Sorted(maps.Keys(l.pending))).Draw(rt, "known")]; !e.leaving {
			asked = append(asked, e.attempt)
		}
	}
	for range rapid.IntRange(1, 2).Draw(rt, "times") {
		placed, err := b.Reserve(b.t.Context(), Request{Attempts: asked, Candidates: nodes})
		var full *session.NoCapacityError
		if (len(placed) < len(asked)) != errors.As(err, &full) {
			rt.Fatalf("%d of %d placed, %v", len(placed), len(asked), err)
		}
		for _, p := range placed {
			if e, known := l.pending[p.Key]; known {
				if e.node != p.Node.Node {
					rt.Fatalf("%s is on %s, was on %s", p.Key, p.Node.Node, e.node)
				}
				continue
			}
			if least, _ := spread(l.count); l.count[p.Node.Node] != least {
				rt.Fatalf("placed on %s with %v", p.Node.Node, l.count)
			}
			l.count[p.Node.Node]++
			l.moves[p.Node.Node]++
			l.pending[p.Key] = entry{p.Attempt, p.Node.Node, false}
		}
		if least, _ := spread(l.count); full != nil && least < l.limit {
			rt.Fatalf("refused with %v of %d: %v", l.count, l.limit, full)
		}
	}
}

func (l *ledger) leave(rt *rapid.T, b bench) {
	if len(l.owned) == 0 {
		rt.Skip("nobody owns anything")
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(l.owned))).Draw(rt, "session")
	a := Attempt{Session: id, Key: "leave-" + string(id)}
	for range rapid.IntRange(1, 2).Draw(rt, "times") {
		if err := b.Leaving(b.t.Context(), Departure{id, a.Key, l.owned[id]}); err != nil {
			rt.Fatal(err)
		}
	}
	if _, known := l.pending[a.Key]; !known {
		l.moves[l.owned[id]]++
		l.pending[a.Key] = entry{a, l.owned[id], true}
	}
}

func (l *ledger) settle(rt *rapid.T, b bench) {
	if len(l.pending) == 0 {
		rt.Skip("nothing is under way")
	}
	key := rapid.SampledFrom(slices.Sorted(maps.Keys(l.pending))).Draw(rt, "attempt")
	e, kept := l.pending[key], rapid.Bool().Draw(rt, "kept")
	o := Outcome{Key: key, Session: e.attempt.Session, Kept: kept}
	if rapid.Bool().Draw(rt, "node known") {
		o.Node = e.node
	}
	for range rapid.IntRange(1, 2).Draw(rt, "times") {
		if err := b.Settle(b.t.Context(), o); err != nil {
			rt.Fatal(err)
		}
	}
	delete(l.pending, key)
	l.moves[e.node]++
	switch {
	case kept:
		l.owned[e.attempt.Session] = e.node
	default:
		l.count[e.node]--
		delete(l.owned, e.attempt.Session)
	}
}

func (l *ledger) correct(rt *rapid.T, b bench, nodes []session.Node) {
	node := rapid.SampledFrom(nodes).Draw(rt, "node").Node
	s := b.snapshot(node)
	stale := rapid.Bool().Draw(rt, "stale")
	if stale {
		s.Moves--
	}
	done, err := b.Correct(b.t.Context(), node, s.Moves, l.truth(node))
	if err != nil || done == stale && !(stale && s.Moves < 0) {
		rt.Fatalf("corrected %v, stale %v, %v", done, stale, err)
	}
}

// truth counts what a reconciliation would: sessions owned, and those on their way.
func (l *ledger) truth(node session.NodeID) (n int) {
	for _, at := range l.owned {
		if at == node {
			n++
		}
	}
	for _, e := range l.pending {
		if e.node == node && !e.leaving {
			n++
		}
	}
	return n
}

func (l *ledger) check(rt *rapid.T, b bench, nodes []session.Node, start map[session.NodeID]int64) {
	for _, n := range nodes {
		s := b.snapshot(n.Node)
		if s.Load != l.count[n.Node] || s.Load != l.truth(n.Node) || s.Load > l.limit || s.Load < 0 {
			rt.Fatalf("%s counts %d, the ledger %d, the truth is %d of %d", n.Node, s.Load, l.count[n.Node], l.truth(n.Node), l.limit)
		}
		if start[n.Node] == 0 && s.Moves > 0 {
			start[n.Node] = s.Moves - l.moves[n.Node] // moves begin at the time of the first
		}
		if s.Moves != 0 && s.Moves-start[n.Node] != l.moves[n.Node] {
			rt.Fatalf("%s moved %d times, want %d", n.Node, s.Moves-start[n.Node], l.moves[n.Node])
		}
		for _, r := range s.Reservations {
			if e, known := l.pending[r.Key]; !known || e.leaving != r.Leaving || e.attempt.Session != r.Session || e.node != n.Node {
				rt.Fatalf("%+v is not under way", r)
			}
		}
	}
}
