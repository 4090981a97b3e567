package scale

import (
	"math/rand/v2"
)

// seed makes every figure the same in each run; tables print it.
const seed = 20251125

func dice(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

func fleetOf(n int) []node {
	nodes := make([]node, n)
	for i := range nodes {
		nodes[i] = node{id: nodeName(i), weight: 1, limit: 1 << 40, ready: true}
	}
	return nodes
}

// spread is how unevenly something lies on nodes.
type spread struct{ least, most, total, nodes int }

func spreadOf(counts []int) spread {
	s := spread{least: 1 << 62, nodes: len(counts)}
	for _, n := range counts {
		s.least, s.most, s.total = min(s.least, n), max(s.most, n), s.total+n
	}
	return s
}

func (s spread) mean() float64 { return float64(s.total) / float64(s.nodes) }

// ratio is the greatest as a multiple of the mean.
func (s spread) ratio() float64 { return float64(s.most) / s.mean() }

func countsOf(nodes []node) []int {
	counts := make([]int, len(nodes))
	for i, n := range nodes {
		counts[i] = n.count
	}
	return counts
}

// views is in how many parts of a view's life the fleet's nodes refresh their views: at each moment views of as many ages are in use.
const views = 16

// fillLeast places sessions by least connections while every node places, each from a view of its own: views are refreshed in turn, all of
// them in the time in which the fleet places perView sessions. reached is told at each of marks, which must ascend.
func fillLeast(nodes []node, perView, views int, marks []int, reached func(sessions int, s spread)) {
	rng := dice(uint64(len(nodes)))
	orders := shuffles(rng, min(len(nodes), groupLimit))
	groups := make([][]int, views)
	for i := range groups {
		groups[i] = group(nodes)
	}
	placed, order := 0, make([]int, len(orders[0]))
	for tick := 0; len(marks) > 0; tick++ {
		groups[tick%views] = group(nodes)
		for n := range max(1, perView/views) {
			from := groups[n%views]
			for i, at := range orders[rng.IntN(len(orders))] {
				order[i] = from[at]
			}
			nodes[least(nodes, order)].count++
			if placed++; placed == marks[0] {
				reached(placed, spreadOf(countsOf(nodes)))
				if marks = marks[1:]; len(marks) == 0 {
					return
				}
			}
		}
	}
}

// group is the first group of candidates by a view of this moment.
func group(nodes []node) []int {
	for i := range nodes {
		nodes[i].seen = nodes[i].count
	}
	return narrow(nodes)[:min(len(nodes), groupLimit)]
}

// shuffles returns random orders: a session's rendezvous order is any of them.
func shuffles(rng *rand.Rand, n int) [][]int {
	orders := make([][]int, 1024)
	for i := range orders {
		orders[i] = rng.Perm(n)
	}
	return orders
}

// fillHashed places sessions by consistent hashing with its bound. reached is also told how many did not get their first choice.
func fillHashed(nodes []node, marks []int, reached func(sessions, displaced int, s spread)) {
	rng := dice(uint64(len(nodes)) << 32)
	order := rng.Perm(len(nodes))
	some := min(len(nodes), groupLimit)
	displaced := 0
	for placed := 1; len(marks) > 0; placed++ {
		for i := range some { // the first of a random order of all
			j := i + rng.IntN(len(order)-i)
			order[i], order[j] = order[j], order[i]
		}
		at := hashed(nodes, order[:some])
		nodes[at].count++
		if at != order[0] {
			displaced++
		}
		if placed == marks[0] {
			reached(placed, displaced, spreadOf(countsOf(nodes)))
			marks = marks[1:]
		}
	}
}
