package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"
)

// leaveLimit bounds the last call of a node that ends.
const leaveLimit = 2 * time.Second

// Run registers the node, keeps it registered, refreshes the view, upholds what CheckMeta found, and leaves when ctx ends, returning nil. It returns an
// error where the node cannot go on: Redis cannot be reached at the start, or another process holds the node's name
// (a *session.InvalidError that says where). While Redis is away later on, Run goes on trying and Trusted says how it stands.
func (r *Registry) Run(ctx context.Context) error {
	if err := r.join(ctx); err != nil {
		return ended(ctx, err)
	}
	defer r.leaveAtEnd(ctx)
	g, loops := errgroup.WithContext(ctx)
	g.Go(func() error { return r.beats(loops) })
	g.Go(func() error { return r.polls(loops) })
	return ended(ctx, g.Wait())
}

// ended drops the error of loops that were told to end.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (r *Registry) join(ctx context.Context) error {
	if err := r.enlist(ctx); err != nil {
		return fmt.Errorf("register node %s: %w", r.cfg.Self.Node, err)
	}
	if _, err := r.Refresh(ctx); err != nil {
		return fmt.Errorf("read the view of the fleet: %w", err)
	}
	close(r.joined)
	return nil
}

func (r *Registry) leaveAtEnd(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	if err := r.Leave(ctx, 0); err != nil {
		r.cfg.Log.Warn("could not leave: the registration ends by itself", "node", r.cfg.Self.Node, "error", err)
	}
}

// beats sends a beat every fifth of the timeout, and the next sooner after one that failed.
func (r *Registry) beats(ctx context.Context) error {
	trouble := outage{log: r.cfg.Log, what: "heartbeat"}
	for {
		pause := r.cfg.HeartbeatTimeout / 5
		err := r.beatThroughWork(ctx)
		if _, taken := errors.AsType[*takenError](err); taken {
			return err
		}
		if trouble.saw(ctx, err) {
			pause = r.cfg.HeartbeatTimeout / 20
		}
		if !sleep(ctx, pause, nil) {
			return nil
		}
	}
}

// beatThroughWork beats only if the work loop answers: a node that is stuck must not look alive.
func (r *Registry) beatThroughWork(ctx context.Context) error {
	pulse, cancel := context.WithTimeout(ctx, r.cfg.HeartbeatTimeout/2)
	defer cancel()
	if err := r.cfg.Pulse(pulse); err != nil {
		return fmt.Errorf("the work loop gives no sign of life: %w", err)
	}
	return r.beat(ctx)
}

func (r *Registry) polls(ctx context.Context) error {
	trouble, meta := outage{log: r.cfg.Log, what: "view of the fleet"}, outage{log: r.cfg.Log, what: "upholding the fleet's settings"}
	for sleep(ctx, r.cfg.GossipInterval, r.wake) {
		if _, err := r.Refresh(ctx); !trouble.saw(ctx, err) {
			meta.saw(ctx, r.uphold(ctx))
		}
	}
	return nil
}

// sleep waits for pause, give or take a tenth, or for wake; false means that ctx has ended.
func sleep(ctx context.Context, pause time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(pause - pause/10 + rand.N(pause/5+1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
		return false
	}
	return ctx.Err() == nil
}

// outage logs the first failure of a row and the end of the row.
type outage struct {
	log   *slog.Logger
	what  string
	since time.Time
}

func (o *outage) saw(ctx context.Context, err error) (failed bool) {
	switch {
	case ctx.Err() != nil:
	case err != nil && o.since.IsZero():
		o.since = time.Now()
		o.log.Warn(o.what+" failed: trying on", "error", err)
	case err == nil && !o.since.IsZero():
		o.log.Info(o.what+" works again", "after", time.Since(o.since))
		o.since = time.Time{}
	}
	return err != nil
}
