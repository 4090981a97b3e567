package fleet

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"orchestrator/internal/session"
)

func nodesOf(weights []float64, sessions []int, room int) []session.Node {
	nodes := make([]session.Node, len(sessions))
	for i := range nodes {
		nodes[i] = session.Node{
			Holder: session.Holder{Node: session.NodeID(fmt.Sprint("n", i))}, State: session.Ready, MaxSessions: room, Weight: weights[i], Sessions: sessions[i],
		}
	}
	return nodes
}

func moves(parts []session.RebalanceNode) (give, lack int) {
	for _, p := range parts {
		give, lack = give+p.Give(), lack+p.Lack()
	}
	return give, lack
}

func TestPlanMovesTheLeastThatEvensOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sessions, want []int
		moves          int
	}{
		{[]int{150, 150, 0}, []int{100, 100, 100}, 100}, // a node joined
		{[]int{100, 100, 101}, []int{100, 100, 101}, 0},
		{[]int{1, 0}, []int{1, 0}, 0},
		{[]int{0, 1}, []int{0, 1}, 0}, // what rounding leaves over stays where it is
		{[]int{2, 0}, []int{1, 1}, 1},
		{[]int{0, 0}, []int{0, 0}, 0},
		{[]int{7}, []int{7}, 0},
	} {
		weights := make([]float64, len(c.sessions))
		for i := range weights {
			weights[i] = 1
		}
		parts := plan(nodesOf(weights, c.sessions, 1000))
		for i, p := range parts {
			if p.Target != c.want[i] {
				t.Errorf("%v: targets %+v, want %v", c.sessions, parts, c.want)
				break
			}
		}
		if give, _ := moves(parts); give != c.moves {
			t.Errorf("%v: %d moves, want %d", c.sessions, give, c.moves)
		}
	}
}

func TestPlanLeavesNodesAloneThatTakeNothing(t *testing.T) {
	t.Parallel()
	nodes := nodesOf([]float64{1, 1, 1, 1, 1}, []int{90, 0, 50, 60, 70}, 1000)
	nodes[2].State, nodes[3].Quarantine, nodes[4].State = session.Cordoned, "2 of 2 peers: no answer", session.Dead
	parts := plan(nodes)
	if len(parts) != 4 || parts[0].Target != 45 || parts[1].Target != 45 || parts[2].Target != 50 || parts[3].Target != 60 {
		t.Fatalf("%+v", parts)
	}
}

func TestPlanKeepsToWeightsAndCaps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "nodes")
		sessions := rapid.SliceOfN(rapid.IntRange(0, 500), n, n).Draw(t, "sessions")
		weights := rapid.SliceOfN(rapid.Float64Range(0.1, 10), n, n).Draw(t, "weights")
		room := rapid.IntRange(500, 2000).Draw(t, "room") // no node is over its cap
		parts := plan(nodesOf(weights, sessions, room))
		total, targets, weight := 0, 0, 0.0
		for i, p := range parts {
			total, targets, weight = total+sessions[i], targets+p.Target, weight+weights[i]
			if p.Target < 0 || p.Target > room {
				t.Fatalf("%+v is beyond the cap of %d", p, room)
			}
		}
		if give, lack := moves(parts); total != targets || give != lack {
			t.Fatalf("%d sessions, %d in the targets %+v", total, targets, parts)
		}
		capped := false
		for _, p := range parts {
			capped = capped || p.Target == room
		}
		for i, p := range parts {
			if share := float64(total) * weights[i] / weight; !capped && math.Abs(float64(p.Target)-share) > 1 {
				t.Fatalf("%+v: its share is %.1f", p, share)
			}
		}
		again := nodesOf(weights, sessions, room)
		for i := range again {
			again[i].Sessions = parts[i].Target
		}
		if give, _ := moves(plan(again)); give != 0 {
			t.Fatalf("what was evened out would be moved again: %+v", plan(again))
		}
	})
}
