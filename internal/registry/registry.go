package registry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// Defaults and limits of Config.
const (
	DefaultHeartbeatTimeout = 5 * time.Second
	DefaultGossipInterval   = time.Second
	MinHeartbeatTimeout     = 250 * time.Millisecond
	MinWeight               = 0.01
	MaxWeight               = 100.0
)

// Config says who this node is and how it shows that it lives.
type Config struct {
	Self             session.Node                // Node, Host, Port, MaxSessions, Weight (0: 1), Zone, Version; the rest is the registry's
	HeartbeatTimeout time.Duration               // how long a registration lasts without a beat; 0: 5 s
	GossipInterval   time.Duration               // how often the view is refreshed; 0: 1 s
	Pulse            func(context.Context) error // asks the work loop for a sign of life before each beat; nil: none asked
	Memory           func() int64                // resident bytes of this process; nil: measured
	Log              *slog.Logger                // nil: none
}

// Validate fills defaults and checks every field; it returns a *session.InvalidError.
func (c *Config) Validate() error {
	c.defaults()
	if _, err := session.ParseNodeID(string(c.Self.Node)); err != nil {
		return err
	}
	switch n := c.Self; {
	case n.Host == "":
		return session.Invalid("advertisedHost", "is required")
	case n.Port < 1 || n.Port > 65535:
		return session.Invalid("port", fmt.Sprintf("is %d, must be from 1 to 65535", n.Port))
	case n.MaxSessions < 1:
		return session.Invalid("maxSessions", fmt.Sprintf("is %d, must be at least 1", n.MaxSessions))
	case !(n.Weight >= MinWeight && n.Weight <= MaxWeight):
		return session.Invalid("weight", fmt.Sprintf("is %v, must be from %v to %v", n.Weight, MinWeight, MaxWeight))
	case c.HeartbeatTimeout < MinHeartbeatTimeout:
		return session.Invalid("heartbeatTimeout", fmt.Sprintf("is %s, must be at least %s", c.HeartbeatTimeout, MinHeartbeatTimeout))
	case c.GossipInterval < 0:
		return session.Invalid("gossipInterval", fmt.Sprintf("is %s, must not be negative", c.GossipInterval))
	}
	return nil
}

func (c *Config) defaults() {
	if c.HeartbeatTimeout == 0 {
		c.HeartbeatTimeout = DefaultHeartbeatTimeout
	}
	if c.GossipInterval == 0 {
		c.GossipInterval = DefaultGossipInterval
	}
	if c.Self.Weight == 0 {
		c.Self.Weight = 1
	}
	if c.Pulse == nil {
		c.Pulse = func(context.Context) error { return nil }
	}
	if c.Memory == nil {
		c.Memory = residentBytes
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Registry keeps this node registered and knows the others. It is safe for concurrent use.
type Registry struct {
	redis *redisx.Client
	keys  *keyspace.Keys
	cfg   Config

	joined  chan struct{} // closed once the first registration stands
	wake    chan struct{} // of one: somebody wants the view fresh
	view    atomic.Pointer[View]
	braking atomic.Bool // by the last look for the dead
	warned  complaints
	agreed  atomic.Pointer[Meta] // nil: it was not asked for
	parted  atomic.Bool          // something else stands by now

	register sync.Mutex // held over each change of this node's own registration, so that they reach Redis one by one
	left     bool       // under register: this node has left and beats no more

	mu    sync.Mutex // guards what follows
	self  session.Node
	trust trust
}

// New returns a registry that has done nothing yet; Run registers the node. It returns a *session.InvalidError for a bad
// configuration.
func New(c *redisx.Client, k *keyspace.Keys, cfg Config) (*Registry, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := &Registry{redis: c, keys: k, cfg: cfg, self: cfg.Self, joined: make(chan struct{}), wake: make(chan struct{}, 1)}
	r.self.Incarnation, r.self.State, r.self.StartedAt = newIncarnation(), session.Ready, c.Now().Truncate(time.Millisecond)
	r.view.Store(&View{})
	return r, nil
}

// Joined is closed once the node's first registration stands and the first view has been read.
func (r *Registry) Joined() <-chan struct{} { return r.joined }

// Self returns this node with its current incarnation, and with the state that its last beat found.
func (r *Registry) Self() session.Node {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.self
}

// Trusted reports whether this node may still act as the holder that Self names: its last good beat, counted from before it
// was sent, is younger than HeartbeatTimeout less a fifth. While it is false the node holds nothing.
func (r *Registry) Trusted() bool { return r.trusts().holds(r.trustLimit()) }

// TrustedUntil returns when Trusted ends unless a beat renews it, on the local monotonic clock; the zero time while this node does not
// trust itself.
func (r *Registry) TrustedUntil() time.Time { return r.trusts().until(r.trustLimit()) }

// Steady returns for how long this node has been trusted without a break; 0 while it is not trusted. A break that nobody saw
// counts too: a good beat that finds trust lapsed begins anew. When Redis comes back, the first beats let their senders trust
// themselves while others have not been heard yet; a node should judge them only when it has been steady for as long as their
// beats may take, HeartbeatTimeout.
func (r *Registry) Steady() time.Duration { return r.trusts().steady(r.trustLimit()) }

// LastBeat returns how long ago the last good beat was sent, and how long Redis took to answer it. Before the first one, and
// after leaving, age is the longest duration there is.
func (r *Registry) LastBeat() (age, latency time.Duration) {
	t := r.trusts()
	return t.age(), t.latency
}

// Wake asks for a fresh view soon. It never blocks; several calls are one.
func (r *Registry) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func newIncarnation() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
