package balancer

import (
	"math"
	"slices"
	"testing"
	"time"

	"orchestrator/internal/session"
)

func fleetOf(weights ...float64) []session.Node {
	nodes := make([]session.Node, len(weights))
	for i, w := range weights {
		nodes[i] = session.Node{Holder: session.Holder{Node: session.NodeID("node-" + string(rune('a'+i)))}, Weight: w}
	}
	return nodes
}

func TestRankGivesEachNodeItsShare(t *testing.T) {
	t.Parallel()
	const sessions = 60000
	for _, weights := range [][]float64{{1, 1, 1, 1, 1}, {1, 2, 3}, {0.5, 100}} {
		nodes, sum := fleetOf(weights...), 0.0
		for _, w := range weights {
			sum += w
		}
		first := make([]int, len(nodes))
		for range sessions {
			first[rank(session.NewID(time.Now()), nodes, true)[0]]++
		}
		for i, w := range weights {
			want := sessions * w / sum
			// Five standard deviations of a binomial: one run in a million is further off.
			if off := math.Abs(float64(first[i]) - want); off > 5*math.Sqrt(want*(1-w/sum))+1 {
				t.Errorf("weights %v: node %d is first for %d of %d, want about %.0f", weights, i, first[i], sessions, want)
			}
		}
	}
}

func TestRankDisruptsNoMoreThanNeeded(t *testing.T) {
	t.Parallel()
	for _, weighted := range []bool{false, true} {
		all := fleetOf(1, 2, 1, 3, 1)
		for gone := range all {
			rest := slices.Delete(slices.Clone(all), gone, gone+1)
			for range 2000 {
				id := session.NewID(time.Now())
				before := rank(id, all, weighted)
				var want []session.NodeID
				for _, i := range before {
					if i != gone {
						want = append(want, all[i].Node)
					}
				}
				for i, at := range rank(id, rest, weighted) {
					if rest[at].Node != want[i] {
						t.Fatalf("without %s the order of the others changed", all[gone].Node)
					}
				}
			}
		}
	}
}

func TestRankIsAPermutationThatDependsOnNamesAlone(t *testing.T) {
	t.Parallel()
	nodes, id := fleetOf(1, 1, 1, 1, 1, 1), session.ID("01890a5d-ac96-774b-bcce-b302099a8057")
	order := rank(id, nodes, false)
	names := func(nodes []session.Node, order []int) (out []session.NodeID) {
		for _, i := range order {
			out = append(out, nodes[i].Node)
		}
		return out
	}
	turned := slices.Clone(nodes)
	slices.Reverse(turned)
	if a, b := names(nodes, order), names(turned, rank(id, turned, false)); !slices.Equal(a, b) {
		t.Errorf("%v in one order of candidates, %v in the other", a, b)
	}
	slices.Sort(order)
	if !slices.Equal(order, []int{0, 1, 2, 3, 4, 5}) {
		t.Errorf("no permutation: %v", order)
	}
	if got := orderText([]int{0, 9, 63}); got != "09o" {
		t.Errorf("as text: %q", got)
	}
}
