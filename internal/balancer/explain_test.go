package balancer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/session"
)

// What is told is what is then done: in each of many small fleets, by each strategy, the node that Explain names is the one that Reserve
// gives, and telling changes nothing.
func TestExplainTellsWhatReserveDoes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		dice := rand.New(rand.NewPCG(seed, 0))
		for round := range 60 {
			by := b.using(Config{Strategy: []Strategy{LeastConnections, ConsistentHash, RoundRobin}[round%3]})
			nodes := make([]session.Node, 1+dice.IntN(6))
			for i := range nodes {
				n := named(fmt.Sprintf("r%d-n%d", round, i), 1+dice.IntN(4))
				n.Sessions, n.Weight, n.Zone = dice.IntN(4), []float64{0.5, 1, 2}[dice.IntN(3)], []string{"a", "b"}[dice.IntN(2)]
				n.State = []session.NodeState{session.Ready, session.Ready, session.Ready, session.Cordoned}[dice.IntN(4)]
				nodes[i] = b.register(n)
			}
			req := Request{Attempts: attempts(1), Candidates: nodes, Prefer: session.Placement{Zone: []string{"", "a"}[dice.IntN(2)]}}
			if dice.IntN(3) == 0 {
				req.Attempts[0].From = nodes[0].Node
			}
			before := b.accounts(nodes)
			told, refused := by.Explain(t.Context(), req)
			if after := b.accounts(nodes); after != before {
				t.Fatalf("telling changed %s to %s", before, after)
			}
			placed := by.reserve(req)
			var full *session.NoCapacityError
			switch {
			case len(placed) == 0 && (told.Chosen != session.Holder{} || !errors.As(refused, &full)):
				t.Fatalf("%+v of %+v: told %+v, %v; nothing was given", req, nodes, told, refused)
			case len(placed) == 1 && (told.Chosen != placed[0].Node || refused != nil):
				t.Fatalf("%+v of %+v: told %+v, %v; given %+v", req, nodes, told, refused, placed[0].Node)
			}
			b.consistent(by.cfg.Strategy, nodes, told)
		}
	})
}

// accounts is what the scripts write about nodes.
func (b bench) accounts(nodes []session.Node) string {
	b.t.Helper()
	text := fmt.Sprint(b.counts(), b.redis.Redis().Get(b.t.Context(), b.keys.Turn()).Val())
	for _, n := range nodes {
		s := b.snapshot(n.Node)
		text += fmt.Sprint(s.Load, s.Moves, len(s.Reservations))
	}
	return text
}

// consistent checks that what is said of each node is true beside what is said of the chosen one.
func (b bench) consistent(by Strategy, nodes []session.Node, told session.Ranking) {
	b.t.Helper()
	if len(told.Candidates) != len(nodes) || told.Strategy != string(by) {
		b.t.Fatalf("%+v is told of %d nodes", told, len(nodes))
	}
	var chosen session.Candidate
	for _, c := range told.Candidates {
		if (c.PassedOver == "") != (c.Node == told.Chosen.Node) {
			b.t.Fatalf("%s of %+v: passed over because %q", c.Node, told, c.PassedOver)
		}
		if c.PassedOver == "" {
			chosen = c
		}
	}
	for _, c := range told.Candidates {
		less := c.Score < chosen.Score
		switch {
		case strings.HasPrefix(c.PassedOver, "has more") && c.Score <= chosen.Score,
			strings.HasPrefix(c.PassedOver, "has as many") && c.Score != chosen.Score,
			strings.HasPrefix(c.PassedOver, "comes later") && !less,
			strings.HasPrefix(c.PassedOver, "is full") && (c.Sessions < c.MaxSessions || !c.Takes),
			strings.HasPrefix(c.PassedOver, "is cordoned") && c.Takes,
			strings.HasPrefix(c.PassedOver, "was not looked at"):
			b.t.Fatalf("%+v is false beside %+v", c, chosen)
		}
	}
}

// Of a large fleet only the likeliest are looked at, and the others are said not to have been.
func TestExplainOfManyNodes(t *testing.T) {
	t.Parallel()
	b := embedded(t)
	nodes := b.nodes(groupLimit+10, 5)
	told, err := b.Explain(t.Context(), Request{Attempts: attempts(1), Candidates: nodes})
	unseen := 0
	for _, c := range told.Candidates {
		if strings.HasPrefix(c.PassedOver, "was not looked at") && c.Takes {
			unseen++
		}
	}
	if err != nil || len(told.Candidates) != len(nodes) || unseen != 10 || told.Chosen.Node == "" {
		t.Errorf("%d nodes, %d of them not looked at, chosen %v, %v", len(told.Candidates), unseen, told.Chosen, err)
	}
}
