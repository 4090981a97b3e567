package fleet

import (
	"slices"
	"strconv"
	"sync"

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

// share returns the partitions that fall to this node, in ascending order. The caller must not change them.
func (s *Service) share(view registry.View) []int {
	self := s.Members.Self().Holder
	if !view.Live(self) {
		return nil
	}
	return s.shared.among(view.Nodes(), self, s.Store.Partitions())
}

// shared remembers a node's share for as long as the same nodes live: among a thousand, finding it takes a good part of a second.
type shared struct {
	mu         sync.Mutex
	members    uint64 // what the share was found for; 0: nothing yet
	partitions []int
}

func (r *shared) among(nodes []session.Node, self session.Holder, partitions int) []int {
	members := fingerprint(nodes)
	r.mu.Lock()
	defer r.mu.Unlock()
	if members == r.members {
		return r.partitions
	}
	var share []int
	for p := range partitions {
		if Worker(nodes, strconv.Itoa(p)) == self {
			share = append(share, p)
		}
	}
	r.members, r.partitions = members, share
	return share
}

// fingerprint tells sets of live nodes apart; it is never 0. Nodes come by name.
func fingerprint(nodes []session.Node) uint64 {
	d := xxhash.New()
	for i := range nodes {
		if n := &nodes[i]; n.State != session.Dead {
			_, _ = d.WriteString(string(n.Node) + "/" + n.Incarnation + " ")
		}
	}
	return max(d.Sum64(), 1)
}

// startingAfter returns the share beginning with the first partition after the given one, and around.
func startingAfter(share []int, partition int) []int {
	i, _ := slices.BinarySearch(share, partition+1)
	return slices.Concat(share[i:], share[:i])
}
