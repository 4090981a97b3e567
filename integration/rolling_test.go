package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

// Each of three nodes behind the load balancer is told to end and started again, one after the other, under a constant load of creates,
// reads and patches: not one request fails, and no client sends one twice.
func TestARollingRestartLosesNoRequest(t *testing.T) {
	t.Parallel()
	r := redistest.Shared(t)
	f := startFleet(t, r, 3, "--drain-delay", "2s", "--gossip-interval", "300ms", "--max-sessions", "20000")
	proxy := f.behindProxy(t)
	ids := createMany(t, proxy, 600)
	ctx, stop := context.WithCancel(t.Context())
	load := constantLoad(ctx, t, proxy, ids, 6)
	for i, node := range f.nodes {
		enough := load.done.Load() + 200
		eventually(t, 30*time.Second, func() string { return atLeast(&load.done, enough) })
		node.Terminate(t)
		if err := node.Wait(t, 40*time.Second); err != nil {
			t.Fatalf("%s ended with %v", node.Name(), err)
		}
		node.Restart(t)
		node.WaitReady(t)
		f.proxy.WaitUp(t, len(f.nodes), 20*time.Second)
		awaitNodes(t, f.url(i), len(f.nodes))
	}
	enough := load.done.Load() + 200
	eventually(t, 30*time.Second, func() string { return atLeast(&load.done, enough) })
	stop()
	load.wait()
	t.Logf("measured rolling restart: %d requests, %d failed", load.done.Load(), load.failed.Load())
	if all := listAll(t, proxy, ""); len(all) != len(ids)+int(load.created.Load()) {
		t.Fatalf("%d sessions, want %d", len(all), len(ids)+int(load.created.Load()))
	}
}

func atLeast(n *atomic.Int64, want int64) string {
	if have := n.Load(); have < want {
		return fmt.Sprintf("%d requests of %d", have, want)
	}
	return ""
}

// loaded counts what a load did.
type loaded struct {
	done, failed, created atomic.Int64
	wait                  func()
}

// onceOnly is a transport that never sends a request twice by itself: a fresh connection is the one case in which Go's would not.
func onceOnly() *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
}

// constantLoad creates, reads and patches without pause until ctx ends. A request that fails for any other reason fails the test.
func constantLoad(ctx context.Context, t *testing.T, url string, ids []string, clients int) *loaded {
	l := &loaded{}
	client := onceOnly()
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := ids[rand.IntN(len(ids))]
				method, path, body, want := "GET", "/v1/sessions/"+id, any(nil), 200
				switch n % 3 {
				case 1:
					method, body = "PATCH", fmt.Sprintf(`{"labels":{"n":"%d-%d"}}`, c, n)
				case 2:
					method, path, body, want = "POST", "/v1/sessions", draft(fmt.Sprintf("r%d-%d", c, n)), 201
				}
				a, err := tryWith(context.WithoutCancel(ctx), client, method, url+path, body)
				l.done.Add(1)
				switch {
				case err != nil || a.status != want:
					l.failed.Add(1)
					t.Errorf("%s %s: %d %s %v", method, path, a.status, a.body, err)
				case want == 201:
					l.created.Add(1)
				}
			}
		})
	}
	l.wait = wg.Wait
	return l
}
