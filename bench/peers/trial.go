package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"orchestrator/bench/peers/load"
	"orchestrator/bench/peers/peer"
	"orchestrator/bench/peers/report"
	"orchestrator/bench/peers/server"
)

// warmUps is how many sessions each caller makes and reads before anything is measured: connections are open then.
const warmUps = 10

// trial is one variant in one round, on its own server.
type trial struct {
	options  options
	variant  peer.Variant
	round    int
	server   *server.Running
	store    peer.Store
	sessions sessions
	keeper   *load.Keeper // nil where the peer's client renews by itself
	rows     []report.Row
}

// attempt starts the server, measures, and stops it, whatever happens. Rows measured before an error are returned with it.
func attempt(ctx context.Context, o options, v peer.Variant, round int) (rows []report.Row, version string, err error) {
	s, err := server.Start(ctx, v.Server, o.dir, o.redis)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	watched, cancel := s.Watch(ctx)
	defer cancel()
	t := &trial{options: o, variant: v, round: round, server: s, sessions: newSessions(o.body)}
	err = t.run(watched)
	if cause := context.Cause(watched); cause != nil {
		err = cause // the server ended, or somebody interrupts: what callers saw of it says less
	}
	return t.rows, s.Version, err
}

func (t *trial) run(ctx context.Context) (err error) {
	settings := peer.Settings{Addr: t.server.Addr, Owners: owners, Lease: t.options.lease}
	if t.options.redis != "" && t.variant.Server == peer.Redis {
		settings.Prefix = fmt.Sprintf("peers-%x:", time.Now().UnixNano())
		defer func() {
			err = errors.Join(err, peer.Forget(context.WithoutCancel(ctx), settings.Addr, settings.Prefix))
		}()
	}
	if t.store, err = t.variant.Open(ctx, settings); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.store.Close()) }()
	return t.measure(ctx)
}

// measure runs the operations one after the other. Leases are renewed until sessions change hands, which is the last.
func (t *trial) measure(ctx context.Context) error {
	if err := t.warmUp(ctx); err != nil {
		return err
	}
	stop := t.keep(ctx)
	defer stop()
	made, err := t.operation(ctx, report.Create, t.options.sessions, t.create)
	if err != nil {
		return err
	}
	taker, owned := t.store.(peer.Taker)
	if _, err := t.operation(ctx, report.Read, len(made), func(ctx context.Context, i int) error {
		got, err := t.store.Read(ctx, t.sessions.id(made[i]))
		if err != nil {
			return err
		}
		return t.sessions.check(made[i], got, owned)
	}); err != nil || !owned {
		return err
	}
	stop()
	_, err = t.operation(ctx, report.TakeOver, min(len(made), t.options.takeover), func(ctx context.Context, i int) error {
		i = made[i]
		return taker.TakeOver(ctx, t.sessions.id(i), t.sessions.owner(i), t.sessions.next(i))
	})
	return err
}

// warmUp makes and reads sessions of later indices than any that is measured.
func (t *trial) warmUp(ctx context.Context) error {
	plan := load.Plan{Callers: t.options.callers, Operations: warmUps * t.options.callers}
	r := load.Run(ctx, plan, func(ctx context.Context, i int) error {
		s := t.sessions.at(mostSessions + i)
		if err := t.store.Create(ctx, s); err != nil {
			return err
		}
		_, err := t.store.Read(ctx, s.ID)
		return err
	})
	if r.Errors > 0 {
		return fmt.Errorf("warming up: %w", r.FirstError)
	}
	return ctx.Err()
}

func (t *trial) create(ctx context.Context, i int) error {
	err := t.store.Create(ctx, t.sessions.at(i))
	if err == nil && t.keeper != nil {
		t.keeper.Hold(i)
	}
	return err
}

// keep begins to renew leases, where that is left to the sessions' owners. Stop may be called more than once.
func (t *trial) keep(ctx context.Context) (stop func()) {
	renewer, ok := t.store.(peer.Renewer)
	if !ok {
		return func() {}
	}
	t.keeper = load.NewKeeper(t.options.lease, func(ctx context.Context, i int) error {
		return renewer.Renew(ctx, t.sessions.id(i), t.sessions.owner(i))
	})
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.keeper.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}
