package integration

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
)

var full = flag.Duration("full", 20*time.Second, "how long Redis is full in tests of that")

// Redis has no memory left for longer than any registration or lease lives: what is there stays, nodes and leases are kept alive,
// nothing new is taken, and it is said why.
func TestRedisIsFull(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) redistest.Redis{
		"single":  func(t *testing.T) redistest.Redis { return redistest.NewServer(t) },
		"cluster": func(t *testing.T) redistest.Redis { return redistest.NewCluster(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			flags := append(slices.Clone(soon), "--lease-ttl", "8s") // ends twice while Redis is full, and on a busy machine not before
			isFull(t, r, underLoad(t, startFleet(t, r, 3, flags...), 60))
		})
	}
}

func isFull(t *testing.T, r redistest.Redis, l *load) {
	deletable := createSpread(t, l.fleet, 30)
	l.end(t)
	leases := map[string]string{}
	eventually(t, 20*time.Second, func() string { // one that a busy machine was late to renew is written again
		eachKey(t, r, l.fleet.prefix, func(_ context.Context, _ *redis.Client, key string) {
			if kind, id := kindOf(key); kind == "lease" {
				leases[id] = key
			}
		})
		if want := len(l.ids) + len(deletable); len(leases) != want {
			return fmt.Sprintf("%d leases, want %d", len(leases), want)
		}
		return ""
	})
	redistest.LimitMemory(t, r, 1) // less than any server uses
	client, ends, lost := r.Client(t), time.Now().Add(*full), map[string]bool{}
	for i := 0; time.Now().Before(ends); i++ {
		url := l.fleet.url(i)
		a := call(t, "POST", url+"/v1/sessions", draft("never")).want(t, 503)
		if p := read[problem](t, a); p.Code != "store-unavailable" || !strings.Contains(p.Detail, "memory") || a.header.Get("Retry-After") == "" {
			t.Fatalf("a create is refused with %s", a.body)
		}
		call(t, "GET", url+"/v1/sessions/"+l.ids[i%len(l.ids)], nil).want(t, 200)
		call(t, "GET", url+"/v1/sessions", nil).want(t, 200)
		call(t, "GET", url+"/readyz", nil).want(t, 200)
		if len(deletable) > 0 {
			call(t, "DELETE", url+"/v1/sessions/"+deletable[0], nil).want(t, 204)
			delete(leases, deletable[0])
			deletable = deletable[1:]
		}
		for id, key := range leases {
			if client.Exists(t.Context(), key).Val() != 1 && !lost[id] {
				lost[id] = true
				t.Errorf("session %s has no lease", id)
			}
		}
		if m := read[clusterMetrics](t, call(t, "GET", url+"/v1/cluster/metrics", nil).want(t, 200)); m.HealthyNodes != 3 {
			t.Fatalf("%+v", m)
		}
	}
	t.Logf("measured leases lost while Redis was full for %s: %d of %d", *full, len(lost), len(leases))
	redistest.LimitMemory(t, r, 0)
	freed := time.Now()
	eventually(t, 20*time.Second, func() string {
		if a := call(t, "POST", l.fleet.url(0)+"/v1/sessions", draft("room")); a.status != 201 {
			return fmt.Sprintf("a create is answered %d %s", a.status, a.body)
		}
		return ""
	})
	t.Logf("measured until a create was taken after memory was freed: %s", time.Since(freed).Round(time.Millisecond))
	createSpread(t, l.fleet, 30)
	l.intact(t)
}

// Creates that a full Redis refused take up nobody's room, however many they are: they are refused for want of memory to the last, and
// nodes count what they own.
func TestCreatesRefusedForMemoryAreNotCounted(t *testing.T) {
	t.Parallel()
	r := redistest.NewCluster(t)
	f := startFleet(t, r, 2, append([]string{"--max-sessions", "20"}, soon...)...)
	createSpread(t, f, 10)
	redistest.LimitMemory(t, r, 1)
	for i := range 60 {
		a := call(t, "POST", f.url(i)+"/v1/sessions", draft("never")).want(t, 503)
		if p := read[problem](t, a); p.Code != "store-unavailable" || !strings.Contains(p.Detail, "memory") {
			t.Fatalf("create %d is refused with %s", i, a.body)
		}
	}
	redistest.LimitMemory(t, r, 0)
	eventually(t, 10*time.Second, func() string {
		if now := counts(t, f.url(0)); now["node-1"] != 5 || now["node-2"] != 5 {
			return fmt.Sprintf("counts are %v", now)
		}
		return ""
	})
}
