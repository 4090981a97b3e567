package registry

import (
	"cmp"
	"math"
	"slices"
	"time"

	"orchestrator/internal/session"
)

// View is the fleet as one look showed it. It is immutable; the zero View is that of a node that has not looked yet.
type View struct {
	nodes []session.Node // in order of id
	at    time.Time      // Redis's time at the look
	asked time.Time      // before it was asked for, on the monotonic clock; zero: never
}

// Nodes returns all registered nodes in order of id. Those whose registration has ended, though nobody has declared them dead
// yet, have the state session.Dead.
func (v View) Nodes() []session.Node { return slices.Clone(v.nodes) }

// Node returns one registered node.
func (v View) Node(id session.NodeID) (session.Node, bool) {
	i, found := slices.BinarySearchFunc(v.nodes, id, func(n session.Node, id session.NodeID) int { return cmp.Compare(n.Node, id) })
	if !found {
		return session.Node{}, false
	}
	return v.nodes[i], true
}

// Live reports whether the holder was registered at the look.
func (v View) Live(h session.Holder) bool {
	n, found := v.Node(h.Node)
	return found && n.State != session.Dead && n.Incarnation == h.Incarnation
}

// Time is Redis's time at the look.
func (v View) Time() time.Time { return v.at }

// Age is how long ago the look was asked for; before the first look it is the longest duration there is.
func (v View) Age() time.Duration {
	if v.asked.IsZero() {
		return math.MaxInt64
	}
	return time.Since(v.asked)
}
