package balancer

import (
	"cmp"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"

	"orchestrator/internal/session"
)

// rank returns the indexes of nodes in rendezvous order for a session, the first choice first. With weights, a node is first
// for its share of all sessions (-w / ln u, Schindelhauer and Schomaker, "Weighted Distributed Hash Tables", 2005). A node
// that joins or goes changes the first choice of no sessions but its own.
func rank(id session.ID, nodes []session.Node, weighted bool) []int {
	scores, order := make([]float64, len(nodes)), make([]int, len(nodes))
	for i, n := range nodes {
		order[i], scores[i] = i, score(id, n, weighted)
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(nodes[a].Node, nodes[b].Node))
	})
	return order
}

// score is what rank orders a node by, the greatest first.
func score(id session.ID, n session.Node, weighted bool) float64 {
	u := uniform(id, n.Node)
	if weighted {
		return -n.Weight / math.Log(u)
	}
	return u
}

// uniform returns a number in (0, 1) that depends on the pair alone.
func uniform(id session.ID, node session.NodeID) float64 {
	h := xxhash.Sum64String(string(node) + "/" + string(id))
	return (float64(h>>11) + 0.5) / (1 << 53)
}

// firstRank names the first index in a rank's text form. Candidates are so few that each is one printable character.
const firstRank = '0'

// orderText returns a rank in the form the script reads: one character a node.
func orderText(order []int) string {
	text := make([]byte, len(order))
	for i, node := range order {
		text[i] = byte(firstRank + node)
	}
	return string(text)
}
