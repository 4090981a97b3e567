package server

import (
	"context"
	"fmt"
	"time"

	"orchestrator/bench/peers/peer"
)

// startTimeout is how long a server may take until it serves.
const startTimeout = time.Minute

// Running is a server that serves.
type Running struct {
	Addr    string // host and port
	Version string // as the server says it, where it does
	cpu     func(context.Context) (time.Duration, error)
	process *process // nil where somebody else started it
}

// Start starts the server that a variant needs and waits until it serves. Its data lies in a new directory below dir. External
// is the address of a Redis server that somebody else started, or empty.
func Start(ctx context.Context, kind peer.Server, dir, external string) (*Running, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("does not serve after %v", startTimeout))
	defer cancel()
	switch {
	case kind != peer.Redis:
		return startSelf(ctx, kind, dir)
	case external != "":
		return attachRedis(ctx, external)
	default:
		return startRedis(ctx, dir)
	}
}

// CPU is the processor time that the server has used so far, user and system. It returns [errors.ErrUnsupported] where the system
// does not tell.
func (r *Running) CPU(ctx context.Context) (time.Duration, error) { return r.cpu(ctx) }

// Watch returns a context that ends when the server does, for that reason. Cancel it before Stop.
func (r *Running) Watch(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.process == nil {
		return context.WithCancel(ctx)
	}
	return r.process.watch(ctx)
}

// Stop ends the server and removes its data, if Start started it.
func (r *Running) Stop() error {
	if r.process == nil {
		return nil
	}
	return r.process.stop()
}

// running is a process of ours that serves.
func running(p *process, addr, version string) *Running {
	cpu := func(context.Context) (time.Duration, error) { return used(p.proc.Pid) }
	return &Running{Addr: addr, Version: version, cpu: cpu, process: p}
}
