package scale

import (
	"cmp"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"

	"orchestrator/internal/session"
)

// groupLimit is how many candidates one call of the balancer's script looks at.
const groupLimit = 64

// node is what the rule knows of one; nodes are kept in the order of their ids.
type node struct {
	id     session.NodeID
	weight float64
	limit  int
	count  int // as Redis has it
	seen   int // as the view of whoever places has it
	ready  bool
}

func (n *node) crowd() float64 { return float64(n.count) / n.weight }

// narrow returns the nodes in the order in which calls take them, groupLimit at a time: those that the view shows emptiest first, of equal
// ones those of the lower ids.
func narrow(nodes []node) []int {
	order := make([]int, len(nodes))
	looks := make([]float64, len(nodes))
	for i, n := range nodes {
		order[i], looks[i] = i, float64(n.seen)/n.weight
		if !n.ready || n.seen >= n.limit {
			looks[i] += 1e12
		}
	}
	if len(nodes) > groupLimit {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(looks[a], looks[b]) })
	}
	return order
}

// ranked returns the nodes in rendezvous order for a session, the first choice first.
func ranked(id session.ID, nodes []node, among []int, weighted bool) []int {
	scores := make(map[int]float64, len(among))
	for _, i := range among {
		if scores[i] = uniform(id, nodes[i].id); weighted {
			scores[i] = -nodes[i].weight / math.Log(scores[i])
		}
	}
	order := slices.Clone(among)
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b)) })
	return order
}

func uniform(id session.ID, node session.NodeID) float64 {
	h := xxhash.Sum64String(string(node) + "/" + string(id))
	return (float64(h>>11) + 0.5) / (1 << 53)
}

// first is ranked's first, of equal weights.
func first(id session.ID, nodes []node) int {
	best, most := -1, 0.0
	for i := range nodes {
		if u := uniform(id, nodes[i].id); u > most {
			best, most = i, u
		}
	}
	return best
}

// least returns the emptiest node with room, the first in order among equals; -1: none has room.
func least(nodes []node, order []int) int {
	best, crowd := -1, 0.0
	for _, i := range order {
		if n := &nodes[i]; n.ready && n.count < n.limit {
			if its := n.crowd(); best < 0 || its < crowd {
				best, crowd = i, its
			}
		}
	}
	return best
}

// overload is how many times its share a node may have under consistent hashing.
const overload = 1.25

// hashed returns the first node in order that has room and less than its share of the group's sessions, that share a quarter exceeded.
func hashed(nodes []node, order []int) int {
	total, weights := 1, 0.0
	for _, i := range order {
		if n := &nodes[i]; n.ready {
			total, weights = total+n.count, weights+n.weight
		}
	}
	for _, i := range order {
		if n := &nodes[i]; n.ready && n.count < n.limit && float64(n.count) < math.Ceil(overload*float64(total)*n.weight/weights) {
			return i
		}
	}
	return least(nodes, order)
}

// place chooses a node for a session and raises its count, as one attempt of Balancer.Reserve does; -1: no node has room.
func place(id session.ID, nodes []node, hashing bool) int {
	all := narrow(nodes)
	choose := least
	if hashing {
		choose = hashed
		if len(nodes) > groupLimit {
			all = ranked(id, nodes, all, true)
		}
	}
	for group := range slices.Chunk(all, groupLimit) {
		if at := choose(nodes, ranked(id, nodes, group, hashing)); at >= 0 {
			nodes[at].count++
			return at
		}
	}
	return -1
}
