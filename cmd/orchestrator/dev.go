package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"

	"golang.org/x/sync/errgroup"

	"orchestrator/cmd/orchestrator/internal/config"
)

// devPartitions is small, for every partition costs each node calls that the embedded server answers slowly.
const devPartitions = 16

// dev runs a fleet and its Redis in this process until ctx ends.
func dev(ctx context.Context, o devOptions, stdout, stderr io.Writer) error {
	listeners, err := listenUp(ctx, "127.0.0.1", o.port, o.nodes)
	if err != nil {
		return unlessTold(ctx, err)
	}
	defer closeAll(listeners)
	redis, err := startEmbedded()
	if err != nil {
		return err
	}
	defer redis.close()
	log := newLogger(stderr, o.logLevel, "text")
	alive, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var clock errgroup.Group
	clock.Go(func() error { return redis.run(alive) })
	err = devFleet(ctx, listeners, redis, stdout, log)
	end()
	_ = clock.Wait() // ends without error
	if err != nil {
		return err
	}
	return farewell(stdout)
}

// devFleet runs a node on each listener, greets when all of them have joined, and ends with them.
func devFleet(ctx context.Context, listeners []net.Listener, redis *embedded, stdout io.Writer, log *slog.Logger) error {
	nodes, err := devNodes(ctx, listeners, redis, log)
	if err != nil {
		return unlessTold(ctx, err)
	}
	g, together := errgroup.WithContext(ctx)
	for _, n := range nodes {
		g.Go(func() error { return n.run(together) })
	}
	g.Go(func() error { return greetJoined(together, nodes, redis, stdout) })
	return g.Wait()
}

// devNodes wires a node for each listener, or none.
func devNodes(ctx context.Context, listeners []net.Listener, redis *embedded, log *slog.Logger) ([]*node, error) {
	var nodes []*node
	for i, l := range listeners {
		cfg := devConfig(i, l, redis)
		n, err := newNode(ctx, cfg, config.Redis{Addrs: cfg.Seeds}, wiring{listener: l, embedded: true, log: log})
		if err != nil {
			for _, built := range nodes {
				built.closeRedis()
			}
			return nil, fmt.Errorf("%s: %w", cfg.NodeID, err)
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// greetJoined waits for every node and greets, unless the fleet ends before.
func greetJoined(ctx context.Context, nodes []*node, redis *embedded, stdout io.Writer) error {
	var addresses []address
	for _, n := range nodes {
		select {
		case <-n.joined:
			addresses = append(addresses, address{n.name, "http://" + n.listener.Addr().String()})
		case <-ctx.Done():
			return nil
		}
	}
	return greet(stdout, addresses, redis.addr())
}

func devConfig(i int, l net.Listener, redis *embedded) config.Config {
	cfg := config.Default()
	cfg.NodeID, cfg.Port, cfg.Seeds = fmt.Sprintf("node-%d", i+1), portOf(l), []string{redis.addr()}
	cfg.Partitions, cfg.ReplicationFactor, cfg.DrainDelay = devPartitions, 1, 0
	return cfg
}
