package balancer

import (
	"fmt"
	"log/slog"
	"time"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// Strategy says how a node is chosen among those that may take a session and have room.
type Strategy string

// The strategies. In each, maxSessions is a hard cap, and a preferred node or zone is tried first.
const (
	// LeastConnections takes the node with the fewest sessions for its weight; among equals the first by rendezvous hash.
	LeastConnections Strategy = "least-connections"
	// ConsistentHash takes the first node by weighted rendezvous hash that has at most 1.25 times its share of the sessions
	// (Thaler and Ravishankar, 1998; Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2016).
	ConsistentHash Strategy = "consistent-hash"
	// RoundRobin takes the nodes in turn, without regard to weight or count; of more than 64 nodes, the 64 emptiest.
	RoundRobin Strategy = "round-robin"
)

// DefaultDeadline is how long an attempt may take from being announced to being settled.
const DefaultDeadline = 30 * time.Second

// Config says how to choose.
type Config struct {
	Strategy Strategy      // empty: LeastConnections
	Deadline time.Duration // how long an attempt stands; 0: DefaultDeadline
	Log      *slog.Logger  // nil: none
}

// Validate fills defaults; it returns a *session.InvalidError.
func (c *Config) Validate() error {
	if c.Strategy == "" {
		c.Strategy = LeastConnections
	}
	if c.Deadline == 0 {
		c.Deadline = DefaultDeadline
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	switch c.Strategy {
	case LeastConnections, ConsistentHash, RoundRobin:
	default:
		return session.Invalid("strategy", fmt.Sprintf("%q must be one of least-connections, consistent-hash, round-robin", c.Strategy))
	}
	if c.Deadline < time.Millisecond {
		return session.Invalid("deadline", fmt.Sprintf("is %s, must be at least 1ms", c.Deadline))
	}
	return nil
}

// Balancer chooses nodes and keeps counts. It holds no state of its own and is safe for concurrent use.
type Balancer struct {
	redis *redisx.Client
	keys  *keyspace.Keys
	cfg   Config
}

// New returns a balancer; it returns a *session.InvalidError for a bad configuration.
func New(c *redisx.Client, k *keyspace.Keys, cfg Config) (*Balancer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Balancer{c, k, cfg}, nil
}

// callLimit bounds the attempts of one script call.
const callLimit = 500

// unexpected is an answer that no version of a script gives.
func unexpected(s *redisx.Script, reply any) error {
	return redisx.Unavailable(fmt.Sprintf("script %s answered %q", s.Name(), fmt.Sprint(reply)), nil)
}
