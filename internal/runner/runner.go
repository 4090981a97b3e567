package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"orchestrator/internal/leash"
)

// needed is what a node must offer beside the stream.
var needed = []string{
	"GET /v1/nodes/{id}/assignments", "POST /v1/nodes/{id}/assignments/ack", "GET /v1/sessions/{id}", "PATCH /v1/sessions/{id}",
	"POST /v1/sessions/{id}/messages", "GET /v1/sessions/{id}/messages",
}

// Runner runs a command for each session of its types that a node owns.
type Runner struct {
	cfg      Config
	node     Node
	sessions Sessions
	room     chan struct{} // one for each child; nil: there is always room
}

// New returns a runner; Run begins. It fails where the configuration does not hold, or this machine cannot keep children on leashes.
func New(cfg Config, node Node, sessions Sessions) (*Runner, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := leash.Check(); err != nil {
		return nil, err
	}
	r := &Runner{cfg: cfg, node: node, sessions: sessions}
	if cfg.MaxChildren > 0 {
		r.room = make(chan struct{}, cfg.MaxChildren)
	}
	return r, nil
}

// Run runs what the node hands out until ctx ends and every child has. It returns nil then, and an error where the node cannot be what a runner
// needs.
func (r *Runner) Run(ctx context.Context) error {
	if err := r.meet(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	// The node keeps its word while the children end: the line to it is closed after them.
	line, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	var children crowd
	defer context.AfterFunc(ctx, func() {
		children.leave()
		hangUp()
	})()
	err := r.node.Run(line, func(l Lease) {
		if children.enter() {
			defer children.exit()
			r.grant(ctx, l)
		}
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// meet asks the node what it offers, until it answers.
func (r *Runner) meet(ctx context.Context) error {
	pause := backoff{first: 100 * time.Millisecond, most: 5 * time.Second}
	for {
		asked, cancel := context.WithTimeout(ctx, callTime)
		id, err := r.node.Identify(asked)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			return offers(id)
		case errors.Is(err, ErrRefused):
			return fmt.Errorf("ask the node who it is: %w", err)
		}
		r.cfg.Log.Warn("the node does not answer, and is asked again", "error", err)
		if !wait(ctx, pause.next()) {
			return nil
		}
	}
}

// offers fails where something needed is missing.
func offers(id Identity) error {
	missing := slices.DeleteFunc(slices.Clone(needed), func(route string) bool { return slices.Contains(id.Routes, route) })
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("the node (version %s) does not offer %s: a runner needs a node of its own version", id.Version, strings.Join(missing, ", "))
}

// crowd counts who is in, and lets nobody in any more once it is to leave.
type crowd struct {
	mu     sync.Mutex
	closed bool
	in     sync.WaitGroup
}

func (c *crowd) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.in.Add(1)
	}
	return !c.closed
}

func (c *crowd) exit() { c.in.Done() }

// leave returns when all have left.
func (c *crowd) leave() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.in.Wait()
}
