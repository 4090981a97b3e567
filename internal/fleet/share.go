package fleet

import (
	"strconv"

	"github.com/cespare/xxhash/v2"

	"orchestrator/internal/registry"
	"orchestrator/internal/session"
)

// Worker returns who of nodes does a piece of work: the live node with the highest hash of itself and the work (rendezvous hashing,
// Thaler and Ravishankar, 1998); zero where none lives. Nobody leads and nobody is asked. A node that joins or goes changes the worker
// of no work but its own. Nodes whose views differ may for a moment both do a piece, which the records' stamps make harmless, or
// neither, which the next round makes good.
func Worker(nodes []session.Node, work string) session.Holder {
	best, worker := uint64(0), session.Holder{}
	for i := range nodes {
		n := &nodes[i]
		if n.State == session.Dead {
			continue
		}
		if h := xxhash.Sum64String(string(n.Node) + "/" + n.Incarnation + " " + work); worker.Node == "" || h > best {
			best, worker = h, n.Holder
		}
	}
	return worker
}

// mine reports whether a piece of work falls to this node.
func mine(self session.Holder, view registry.View, work string) bool {
	return view.Live(self) && Worker(view.Nodes(), work) == self
}

// share returns the partitions that fall to this node.
func (s *Service) share(view registry.View) []int {
	self, nodes := s.Members.Self().Holder, view.Nodes()
	if !view.Live(self) {
		return nil
	}
	var partitions []int
	for p := range s.Store.Partitions() {
		if Worker(nodes, strconv.Itoa(p)) == self {
			partitions = append(partitions, p)
		}
	}
	return partitions
}
