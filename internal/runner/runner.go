package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
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

// New returns a runner; Run begins. It fails where the configuration does not hold.
func New(cfg Config, node Node, sessions Sessions) (*Runner, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := &Runner{cfg: cfg, node: node, sessions: sessions}
	if cfg.MaxChildren > 0 {
		r.room = make(chan struct{}, cfg.MaxChildren)
	}
	return r, nil
}

// unfit is an error that another try does not mend.
type unfit struct{ error }

func (u unfit) Unwrap() error { return u.error }

// Run follows the node until ctx ends, and connects again when a stream does. It returns nil when every child has ended because ctx did, and an
// error where the node cannot be what a runner needs.
func (r *Runner) Run(ctx context.Context) error {
	pause := backoff{first: 100 * time.Millisecond, most: 5 * time.Second}
	for {
		greeted, err := r.connect(ctx)
		if greeted {
			pause.reset()
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &unfit{}):
			return err
		}
		r.cfg.Log.Warn("nothing is held, and the node is asked again", "error", err)
		if !wait(ctx, pause.next()) {
			return nil
		}
	}
}

func (r *Runner) connect(ctx context.Context) (greeted bool, err error) {
	asked, cancel := context.WithTimeout(ctx, callTime)
	id, err := r.node.Identify(asked)
	cancel()
	switch {
	case errors.Is(err, ErrRefused):
		return false, unfit{fmt.Errorf("ask who answers: %w", err)}
	case err != nil:
		return false, fmt.Errorf("ask who answers: %w", err)
	}
	if missing := slices.DeleteFunc(slices.Clone(needed), func(route string) bool { return slices.Contains(id.Routes, route) }); len(missing) > 0 {
		return false, unfit{fmt.Errorf("node %s (version %s) does not offer %s: a runner needs a node of its own version", id.Node, id.Version, strings.Join(missing, ", "))}
	}
	return r.follow(ctx, id)
}
