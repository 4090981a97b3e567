package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"orchestrator/cmd/orchestrator/internal/config"
	"orchestrator/internal/assignments"
	"orchestrator/internal/balancer"
	"orchestrator/internal/events"
	"orchestrator/internal/fleet"
	"orchestrator/internal/handover"
	"orchestrator/internal/httpapi"
	"orchestrator/internal/keyspace"
	"orchestrator/internal/lease"
	"orchestrator/internal/peers"
	"orchestrator/internal/redisx"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// wiring is what a node gets from the process that it runs in.
type wiring struct {
	listener net.Listener
	embedded bool // Redis is the embedded server
	log      *slog.Logger
}

// newNode builds a node from the bottom up: Redis, who is alive, who may act, who should, what was done, the use cases over
// them, the door. Redis is reached and the fleet's settings are compared with ours; nothing else is started.
func newNode(ctx context.Context, cfg config.Config, reach config.Redis, in wiring) (*node, error) {
	in.log = in.log.With("self", cfg.NodeID)
	client, err := redisx.Open(ctx, redisx.Options{
		Seeds: reach.Addrs, Username: reach.Username, Password: reach.Password, TLS: reach.TLS,
		Patience: cfg.RequestTimeout / 2, Embedded: in.embedded, Log: in.log,
	})
	if err != nil {
		return nil, err
	}
	n, err := assemble(ctx, cfg, client, in)
	if err != nil {
		_ = client.Close()
		return nil, err
	}
	return n, nil
}

func assemble(ctx context.Context, cfg config.Config, client *redisx.Client, in wiring) (*node, error) {
	keys, err := keyspace.New(cfg.Prefix, cfg.Partitions)
	if err != nil {
		return nil, err
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), breakers{client})
	parts, err := newParts(ctx, cfg, client, keys, in, metrics)
	if err != nil {
		return nil, err
	}
	if masters := client.Masters(); masters < cfg.ReplicationFactor {
		in.log.Warn("there are fewer Redis masters than records wanted of each session: what is lost with a master has no copy",
			"replicationFactor", cfg.ReplicationFactor, "masters", masters)
	}
	door := &gate{Health: parts.service}
	handler, err := httpapi.New(httpapi.Config{
		Sessions: parts.service, Messages: parts.service, Contexts: parts.service,
		Catalog: parts.service, Explainer: parts.service, Nodes: parts.service, Operations: parts.service, Board: board{parts.roster, parts.service},
		Events:  feed{parts.feed},
		Metrics: parts.service, Health: door,
		Node: session.NodeID(cfg.NodeID), Version: thisBuild().Version, Registry: metrics, Log: in.log, RequestTimeout: cfg.RequestTimeout,
		TrustedProxies: cfg.TrustedProxies, MaxStreamsPerClient: cfg.MaxStreamsPerClient, MaxSessions: cfg.MaxSessions,
	})
	if err != nil {
		return nil, err
	}
	return &node{
		name: cfg.NodeID, listener: in.listener, server: httpapi.Server(in.listener.Addr().String(), handler), gate: door,
		joined: parts.registry.Joined(), loops: parts.run, close: func() error { parts.settle(ctx); return client.Close() },
		retire: func(ctx context.Context) int { return parts.service.Retire(ctx, cfg.DrainTimeout) }, depart: parts.depart,
		drainDelay: cfg.DrainDelay, patience: cfg.RequestTimeout + time.Second, log: in.log,
	}, nil
}

// parts are the packages that run in the background or that others are built on.
type parts struct {
	registry *registry.Registry
	store    *sessionstore.Store
	service  *fleet.Service
	roster   *assignments.Board
	watch    *peers.Watch
	feed     *events.Feed
	log      *slog.Logger

	heartbeatTimeout time.Duration
}

func newParts(ctx context.Context, cfg config.Config, client *redisx.Client, keys *keyspace.Keys, in wiring, metrics *prometheus.Registry) (*parts, error) {
	p := &parts{log: in.log, heartbeatTimeout: cfg.HeartbeatTimeout}
	var err error
	if p.registry, err = registry.New(client, keys, registry.Config{
		Self: self(cfg, in), HeartbeatTimeout: cfg.HeartbeatTimeout, GossipInterval: cfg.GossipInterval, Log: in.log,
		Pulse: func(ctx context.Context) error { return p.service.Pulse(ctx) }, // not asked before run, when the service is there
	}); err != nil {
		return nil, err
	}
	own := registry.Meta{Schema: registry.Schema, Partitions: cfg.Partitions, ReplicationFactor: cfg.ReplicationFactor}
	agreed, err := p.registry.CheckMeta(ctx, own)
	if err != nil {
		return nil, fmt.Errorf("compare with the fleet's settings: %w", err)
	}
	leases, err := lease.New(client, keys, lease.Config{TTL: cfg.LeaseTTL, Log: in.log})
	if err != nil {
		return nil, err
	}
	if p.roster, err = assignments.New(assignments.Config{RevokeTimeout: cfg.RevokeTimeout, Log: in.log}); err != nil {
		return nil, err
	}
	// A session that moves is reserved for while the processes beside its owner are waited for.
	deadline := balancer.DefaultDeadline + cfg.RevokeTimeout + cfg.HeartbeatTimeout
	placer, err := balancer.New(client, keys, balancer.Config{Strategy: balancer.Strategy(cfg.Strategy), Deadline: deadline, Log: in.log})
	if err != nil {
		return nil, err
	}
	if p.store, err = sessionstore.New(client, keys, sessionstore.Config{
		ReplicationFactor: cfg.ReplicationFactor, LeaseTTL: cfg.LeaseTTL, Node: session.NodeID(cfg.NodeID), CompressionThreshold: cfg.CompressionThreshold,
		Settling: min(cfg.SyncInterval/2, 5*time.Second), CacheBytes: cfg.CacheMegabytes * 1_000_000, CacheTTL: cfg.CacheTTL, Log: in.log,
		Secret: []byte(agreed.Secret),
	}); err != nil {
		return nil, err
	}
	metrics.MustRegister(compression{p.store}, newFastWrites(p.store))
	p.feed = events.New(client, keys, events.Config{MaxFollowers: httpapi.MaxEventStreams, Cache: p.store, Log: in.log})
	p.service, err = fleet.New(fleet.Config{
		Members: p.registry, Undertaker: p.registry, Placer: placer, Accounts: placer, Leases: leases, Store: p.store,
		Requests: handover.New(client, keys, in.log), Roster: p.roster, Redis: client,
		HeartbeatTimeout: cfg.HeartbeatTimeout, GossipInterval: cfg.GossipInterval, SyncInterval: cfg.SyncInterval,
		RebalanceRate: cfg.RebalanceRate, Metrics: metrics, Log: in.log,
	})
	if err != nil {
		return nil, err
	}
	p.watch, err = peers.New(peers.Config{Fleet: neighbours{p.registry}, Wake: p.service.Nudge, Interval: cfg.GossipInterval, Log: in.log})
	return p, err
}

// self is what the node says of itself. Its port is the one that it got.
func self(cfg config.Config, in wiring) session.Node {
	return session.Node{
		Holder: session.Holder{Node: session.NodeID(cfg.NodeID)}, Host: cfg.AdvertisedHost, Port: portOf(in.listener),
		MaxSessions: cfg.MaxSessions, Weight: cfg.Weight, Zone: cfg.Zone, Version: thisBuild().Version,
	}
}
