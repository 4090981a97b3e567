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
	beside, working := errgroup.WithContext(working)
	beside.Go(func() error { return p.roster.Run(working) })
	beside.Go(func() error { return p.watch.Run(working) })
	beside.Go(func() error { return p.feed.Run(working) })
	beside.Go(func() error { return p.service.Run(working) })
	if err := beside.Wait(); err != nil {
		return fmt.Errorf("work: %w", err)
	}
	p.depart(ctx)
	return nil
}

// depart ends the streams of those who follow the node and leaves the fleet. What the node still owns then is given to others at once: so
// it leaves when nobody can hold anything any more, which is no later than its registration would end.
func (p *parts) depart(ctx context.Context) {
	p.roster.End("the node stops")
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.heartbeatTimeout)
	defer cancel()
	if err := p.roster.Released(limited); err != nil {
		p.log.Warn("leaving though a process beside this node may hold sessions", "error", err)
	}
	p.leave(ctx)
}

// leave tells the fleet how many sessions are left behind, so that others take them over at once. If Redis does not answer,
// the registration ends by itself. Leaving again does nothing.
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

// settle brings home what was acknowledged before home had it. What it cannot, whoever resolves the session next does.
func (p *parts) settle(ctx context.Context) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	if err := p.store.Settle(limited); err != nil {
		open, _ := p.store.Behind()
		p.log.Warn("ending before home has all that was acknowledged", "changes", open, "error", err)
	}
}

func (p *parts) self() session.NodeID { return p.registry.Self().Node }
