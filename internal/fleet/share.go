package fleet

import (
	"strconv"
	"sync"
	"time"

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

// steadiness knows since when this node has been trusted without a break. A node that was cut off, or has just begun, finds the
// others' registrations ended though they may be back in a moment: it judges nobody until it was itself steady for as long as a
// registration lasts.
type steadiness struct {
	mu    sync.Mutex
	since time.Time // zero: not trusted at the last look
}

// look notes whether the node is trusted now and returns for how long it has been.
func (st *steadiness) look(trusted bool) time.Duration {
	st.mu.Lock()
	defer st.mu.Unlock()
	switch {
	case !trusted:
		st.since = time.Time{}
		return 0
	case st.since.IsZero():
		st.since = time.Now()
	}
	return time.Since(st.since)
}
