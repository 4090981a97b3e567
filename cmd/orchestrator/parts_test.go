package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"orchestrator/cmd/orchestrator/internal/config"
	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// A node that leaves sessions behind leaves the fleet, which gives them to others at once, only when its followers cannot hold them any more.
func TestANodeLeavesWhenItsFollowersHoldNothing(t *testing.T) {
	t.Parallel()
	r := redistest.Single(t)
	cfg := config.Default()
	cfg.NodeID, cfg.Prefix, cfg.Partitions, cfg.ReplicationFactor, cfg.HeartbeatTimeout = "a", redistest.Prefix(t), 8, 1, 2*time.Second
	client, err := redisx.Open(t.Context(), redisx.Options{Seeds: r.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	keys, err := keyspace.New(cfg.Prefix, cfg.Partitions)
	if err != nil {
		t.Fatal(err)
	}
	l, err := listen(t.Context(), "127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	p, err := newParts(t.Context(), cfg, client, keys, wiring{listener: l, log: slog.New(slog.DiscardHandler)}, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	g.Go(func() error { return p.run(t.Context()) })
	await(t, "the node joins", p.registry.Joined())
	if _, _, err := p.service.Create(t.Context(), session.Draft{Type: "t", Name: "n", Workspace: "/w"}, session.Idempotency{}); err != nil {
		t.Fatal(err)
	}
	f, err := p.service.Follow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ev, err := f.Next(t.Context())
	if err != nil || len(ev.Assignments) != 1 {
		t.Fatalf("%+v %v", ev, err)
	}
	p.depart(t.Context()) // and its follower hears nothing of it
	if p.registry.Trusted() {
		t.Error("the node has not left")
	}
	if early := time.Until(ev.Until); early > 0 {
		t.Errorf("the node has left %s before its follower may no longer hold the session", early)
	}
}
