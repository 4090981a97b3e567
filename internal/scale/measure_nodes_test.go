//go:build unix

package scale

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"orchestrator/internal/handover"
	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// costsOfNodes measures the fleet's own slot with n nodes registered.
func costsOfNodes(t *testing.T, n int) {
	server := redistest.NewServer(t)
	m := meter{t: t, servers: []*redis.Client{server.Node().Admin(t)}}
	client, keys := openAt(t, server, 256)
	last := enrol(t, client, keys, n, 5*time.Minute)
	ctx, calls := t.Context(), max(5, 5_000/n)
	if _, err := last.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	bytes := m.output()
	m.rounds("refresh, each node listed", 10, calls*n, func(int) { refresh(t, last, calls) })
	t.Logf("refresh: %.0f bytes for each node listed", (m.output()-bytes)/float64(10*calls*n))
	m.rounds("look for the dead", 10, 500, func(int) {
		for range 500 {
			if dead, err := last.Dead(ctx, 0); err != nil || len(dead) > 0 {
				t.Fatal(dead, err)
			}
		}
	})
	requests := handover.New(client, keys, nil)
	m.rounds("requests to hand over", 10, 500, func(int) {
		for range 500 {
			if _, err := requests.Next(ctx, nodeName(0), 200); err != nil {
				t.Fatal(err)
			}
		}
	})
	m.rounds("wish to rebalance", 10, 500, func(int) {
		for range 500 {
			if _, err := requests.Wished(ctx); err != nil {
				t.Fatal(err)
			}
		}
	})
	store, err := sessionstore.New(client, keys, sessionstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m.rounds("how many in a partition", 10, 50*keys.Partitions(), func(int) {
		for range 50 {
			if _, err := store.Count(ctx, nodeName(0)); err != nil {
				t.Fatal(err)
			}
		}
	})
	m.rounds("for comparison: SET of 300 bytes, 64 a flush", 10, 6400, func(int) {
		value := strings.Repeat("x", 300)
		for i := range 100 {
			_, err := m.servers[0].Pipelined(ctx, func(p redis.Pipeliner) error {
				for j := range 64 {
					p.Set(ctx, strconv.Itoa(64*i+j), value, 0)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func refresh(t *testing.T, r *registry.Registry, times int) {
	for range times {
		if _, err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// enrol registers n nodes for as long as the test lasts and returns the last of them. They look at the fleet when they are told to.
func enrol(t *testing.T, client *redisx.Client, keys *keyspace.Keys, n int, timeout time.Duration) (last *registry.Registry) {
	ctx, end := context.WithCancel(t.Context())
	var running errgroup.Group
	for i := range n {
		r, err := registry.New(client, keys, registry.Config{
			Self: session.Node{Holder: session.Holder{Node: nodeName(i)}, Host: "orchestrator-0001.orchestrator.svc", Port: 8080, MaxSessions: 120_000,
				Zone: "eu-central-1a", Version: "v1.2.3"},
			HeartbeatTimeout: timeout, GossipInterval: time.Hour,
		})
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() error { return r.Run(ctx) })
		await(t, 5*time.Millisecond, r.Trusted) // one after the other: each begins with a look at all
		last = r
	}
	t.Cleanup(func() {
		end()
		if err := running.Wait(); err != nil {
			t.Error(err)
		}
	})
	await(t, 100*time.Millisecond, func() bool {
		view, err := last.Refresh(ctx)
		return err == nil && len(view.Nodes()) == n && last.Trusted()
	})
	return last
}

// costsOfBeats has 500 nodes beat, so often that Redis is busy, and nothing else.
func costsOfBeats(t *testing.T) {
	const beats = 20_000
	server := redistest.NewServer(t)
	m := meter{t: t, servers: []*redis.Client{server.Node().Admin(t)}}
	client, keys := openAt(t, server, 256)
	enrol(t, client, keys, 500, time.Second)
	before, cpu := scripts(t, m.servers[0]), m.redis()
	var done int
	await(t, 2*time.Second, func() bool { done = scripts(t, m.servers[0]) - before; return done >= beats })
	t.Logf("beat: Redis %.1f us, of %d", (m.redis()-cpu)*1e6/float64(done), done)
}

// scripts is how many scripts a server has run.
func scripts(t *testing.T, c *redis.Client) int {
	t.Helper()
	text, err := c.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(text, "cmdstat_evalsha:calls=")
	calls, _, _ := strings.Cut(rest, ",")
	n, _ := strconv.Atoi(calls)
	return n
}
