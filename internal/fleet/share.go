package fleet

import (
	"strconv"

	"github.com/cespare/xxhash/v2"

	"orchestrator/internal/registry"
	"orchestrator/internal/session"
)

// mine reports whether a piece of work falls to this node: the live node with the highest hash of itself and the work does it
// (rendezvous hashing, Thaler and Ravishankar, 1998). Nobody leads and nobody is asked. Nodes whose views differ may for a moment
// both do a piece, which the records' stamps make harmless, or neither, which the next round makes good.
func mine(self session.Holder, view registry.View, work string) bool {
	if !view.Live(self) {
		return false
	}
	best, holder := uint64(0), session.Holder{}
	for _, n := range view.Nodes() {
		if n.State == session.Dead {
			continue
		}
		if h := xxhash.Sum64String(string(n.Node) + "/" + n.Incarnation + " " + work); holder.Node == "" || h > best {
			best, holder = h, n.Holder
		}
	}
	return holder == self
}

// share returns the partitions that fall to this node.
func (s *Service) share(view registry.View) []int {
	var partitions []int
	self := s.Members.Self().Holder
	for p := range s.Store.Partitions() {
		if mine(self, view, strconv.Itoa(p)) {
			partitions = append(partitions, p)
		}
	}
	return partitions
}
