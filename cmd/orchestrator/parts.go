package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"orchestrator/internal/session"
)

// leaveLimit bounds the last words to Redis of a node that ends.
const leaveLimit = 3 * time.Second

// run keeps the node registered and at work until ctx ends. The registration stands before the work begins and is given up
// after the work has ended and what it reserved is settled, so that others never take over from a node that still acts.
func (p *parts) run(ctx context.Context) error {
	enlisted, dismiss := context.WithCancel(context.WithoutCancel(ctx))
	defer dismiss()
	g, enlisted := errgroup.WithContext(enlisted)
	g.Go(func() error { return p.registry.Run(enlisted) })
	g.Go(func() error {
		defer dismiss()
		return p.work(ctx, enlisted)
	})
	return g.Wait()
}

// work runs the service once the node has joined, until ctx or the registration ends, and leaves the fleet.
func (p *parts) work(ctx, enlisted context.Context) error {
	select {
	case <-p.registry.Joined():
	case <-enlisted.Done():
		return nil
	case <-ctx.Done():
		return nil
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(enlisted, stop)()
	if err := p.service.Run(working); err != nil {
		return fmt.Errorf("work: %w", err)
	}
	p.leave(ctx)
	return nil
}

// leave tells the fleet how many sessions are left behind, so that others take them over at once. If Redis does not answer,
// the registration ends by itself.
func (p *parts) leave(ctx context.Context) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	owned, err := p.store.Count(limited, p.self())
	if err == nil {
		err = p.registry.Leave(limited, owned)
	}
	if err != nil {
		p.log.Warn("could not leave: the registration ends by itself", "error", err)
	}
}

func (p *parts) self() session.NodeID { return p.registry.Self().Node }
