package session

import "time"

// NodeState says whether a node takes new sessions.
type NodeState string

// The states of a registered node. Dead is never stored: it is what a view says of a node whose registration has ended.
const (
	Ready    NodeState = "ready"    // takes new sessions
	Cordoned NodeState = "cordoned" // keeps its sessions, takes no new ones
	Draining NodeState = "draining" // is handing its sessions over
	Dead     NodeState = "dead"     // its registration has ended
)

// Node is one orchestrator process as the registry knows it.
type Node struct {
	Holder
	Host        string // where peers and clients reach it
	Port        int
	State       NodeState
	MaxSessions int     // cap on sessions it may own
	Weight      float64 // share of sessions relative to other nodes; 1 is ordinary
	Zone        string  // failure domain; may be empty
	Version     string  // of the program
	StartedAt   time.Time
	HeartbeatAt time.Time // its last beat, by Redis's clock
	ExpiresAt   time.Time // when its registration ends, by Redis's clock
	MemoryUsage int64     // resident bytes, as the node measured them at its last beat
	Sessions    int       // live count from the balancer's sorted set
	Drain       *Drain    // where State is Draining: how far it is
	Quarantine  string    // why its peers hold that it beats but cannot serve; empty: they do not
}

// Takes reports whether the node may be given new sessions, its free room aside.
func (n Node) Takes() bool { return n.State == Ready && n.Quarantine == "" }

// Drain is how a node hands its sessions over. How many are left is the node's live count.
type Drain struct {
	StartedAt time.Time // by Redis's clock
	Deadline  time.Time // when it should have ended, by Redis's clock
	From      int       // live count when it began
}
