package peers

import (
	"cmp"
	"slices"

	"github.com/cespare/xxhash/v2"

	"orchestrator/internal/session"
)

// watched is how many peers a node watches. More than one, so that a death beside it leaves no node unwatched; odd, so that its watchers
// have a majority.
const watched = 3

// ring returns the live peers that follow self in the ring, nearest first, at most watched of them. As many nodes watch each of
// them, this one included.
func ring(self session.NodeID, view []session.Node) []session.Node {
	var after, before []session.Node
	for _, n := range view {
		switch {
		case n.State == session.Dead || n.Node == self:
		case order(n.Node, self) > 0:
			after = append(after, n)
		default:
			before = append(before, n)
		}
	}
	byPlace := func(a, b session.Node) int { return order(a.Node, b.Node) }
	slices.SortFunc(after, byPlace)
	slices.SortFunc(before, byPlace)
	peers := append(after, before...)
	return peers[:min(watched, len(peers))]
}

// order compares two nodes' places in the ring.
func order(a, b session.NodeID) int {
	return cmp.Or(cmp.Compare(xxhash.Sum64String(string(a)), xxhash.Sum64String(string(b))), cmp.Compare(a, b))
}
