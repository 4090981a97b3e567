package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// node is one orchestrator, wired and not yet started.
type node struct {
	name     string
	listener net.Listener // bound already: the port is known before the node registers
	server   *http.Server
	gate     *gate
	joined   <-chan struct{}                 // closed once the fleet knows the node
	loops    func(ctx context.Context) error // the fleet's; ends when ctx does, having left the fleet
	retire   func(ctx context.Context) int   // hands over what the node owns, and returns how much is left
	depart   func(ctx context.Context)       // ends the streams of those who follow the node, and leaves the fleet
	close    func() error                    // gives back the connections to Redis

	drainDelay time.Duration // not ready and still serving, so that load balancers notice
	patience   time.Duration // for requests in flight, after that
	log        *slog.Logger
}

// run serves until ctx ends, and then stops in the order in which nobody notices: not ready, still serving; its sessions handed over; out
// of the fleet, for peers take a port that refuses for a death; no new connections, those in flight finish; close Redis. It returns why the
// node could not go on, or nil.
func (n *node) run(ctx context.Context) error {
	defer n.closeRedis()
	alive, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	g, alive := errgroup.WithContext(alive)
	g.Go(func() error { return n.loops(alive) })
	g.Go(n.serve)
	g.Go(func() error {
		defer end()
		n.awaitEnd(ctx, alive)
		return n.stopServing(ctx)
	})
	return g.Wait()
}

func (n *node) serve() error {
	if err := n.server.Serve(n.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", n.listener.Addr(), err)
	}
	return nil
}

// awaitEnd returns when the process is told to stop and has been not ready for long enough, or at once when a part has failed.
func (n *node) awaitEnd(ctx, alive context.Context) {
	select {
	case <-alive.Done():
		return
	case <-ctx.Done():
	}
	n.gate.shut()
	n.log.Info("stopping: no longer ready", "drainDelay", n.drainDelay)
	n.handOver(ctx, alive)
}

// retireAgain is how long a node that has handed everything over waits before it looks again.
const retireAgain = time.Second

// handOver hands the node's sessions over and leaves the fleet while the node still serves, for drainDelay at the least. Meanwhile somebody may
// uncordon it and so have sessions given to it: it looks again and again, and once more at the end.
func (n *node) handOver(ctx, alive context.Context) {
	retiring, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(alive, stop)()
	delay, end := context.WithTimeout(alive, n.drainDelay)
	defer end()
	for left := n.retire(retiring); left == 0 && delay.Err() == nil; left = n.retire(retiring) {
		select {
		case <-delay.Done():
		case <-time.After(retireAgain):
		}
		if alive.Err() != nil {
			break
		}
	}
	<-delay.Done()
	n.depart(retiring)
}

// stopServing lets requests in flight finish; those that do not within patience are cut off, and that is no failure.
func (n *node) stopServing(ctx context.Context) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.patience)
	defer cancel()
	err := n.server.Shutdown(limited)
	if errors.Is(err, context.DeadlineExceeded) {
		n.log.Warn("requests in flight are cut off", "after", n.patience)
		err = n.server.Close()
	}
	return err
}

func (n *node) closeRedis() {
	if err := n.close(); err != nil {
		n.log.Warn("the connections to Redis did not close cleanly", "error", err)
	}
}
