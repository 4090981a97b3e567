package scale

import (
	"math"
	"math/rand/v2"
	"strconv"

	"orchestrator/internal/fleet"
	"orchestrator/internal/session"
)

// members are n live nodes, as a view has them.
func members(n int) []session.Node {
	nodes := make([]session.Node, n)
	for i := range nodes {
		nodes[i] = session.Node{Holder: session.Holder{Node: nodeName(i), Incarnation: "0123456789abcdef"}, State: session.Ready}
	}
	return nodes
}

// workers says by partition which of nodes works on it.
func workers(nodes []session.Node, partitions int) []session.Holder {
	by := make([]session.Holder, partitions)
	for p := range by {
		by[p] = fleet.Worker(nodes, strconv.Itoa(p))
	}
	return by
}

// portions sums up what lies in each partition by who works on it, nodes without any included.
func portions(nodes []session.Node, by []session.Holder, in []int) []int {
	place := make(map[session.Holder]int, len(nodes))
	for i, n := range nodes {
		place[n.Holder] = i
	}
	out := make([]int, len(nodes))
	for p, h := range by {
		out[place[h]] += in[p]
	}
	return out
}

func ones(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

// scatter spreads sessions over partitions as the random ends of their ids do.
func scatter(rng *rand.Rand, sessions, partitions int) []int {
	out := make([]int, partitions)
	left := sessions
	for p := range out {
		out[p] = binomial(rng, left, 1/float64(partitions-p))
		left -= out[p]
	}
	return out
}

// binomial draws how many of n come, each with probability p: one by one where they are few, else by the normal distribution.
func binomial(rng *rand.Rand, n int, p float64) int {
	if p >= 1 {
		return n
	}
	mean := float64(n) * p
	if n < 1000 {
		k := 0
		for range n {
			if rng.Float64() < p {
				k++
			}
		}
		return k
	}
	if mean < 50 {
		return min(n, poisson(rng, mean))
	}
	return min(n, max(0, int(math.Round(mean+rng.NormFloat64()*math.Sqrt(mean*(1-p))))))
}

func poisson(rng *rand.Rand, mean float64) int {
	k, limit, product := 0, math.Exp(-mean), rng.Float64()
	for product > limit {
		k++
		product *= rng.Float64()
	}
	return k
}

// without returns nodes but for some at random.
func without(rng *rand.Rand, nodes []session.Node, some int) []session.Node {
	order := rng.Perm(len(nodes))
	gone := map[int]bool{}
	for _, i := range order[:some] {
		gone[i] = true
	}
	var rest []session.Node
	for i, n := range nodes {
		if !gone[i] {
			rest = append(rest, n)
		}
	}
	return rest
}
