package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

// The main job at size: 10,000 sessions through the balancer on 3 nodes, 3 masters and 3 replicas; then a node is killed.
func TestTenThousandSessionsOutliveTheirNode(t *testing.T) {
	t.Parallel()
	const total = 10_000
	r := redistest.Shared(t)
	f := startFleet(t, r, 3, "--max-sessions", "6000", "--heartbeat-timeout", "5s")
	proxy := f.behindProxy(t)
	started := time.Now()
	ids := createMany(t, proxy, total)
	t.Logf("%d sessions created through the balancer in %s", total, time.Since(started).Round(time.Millisecond))

	before := counts(t, proxy)
	for _, n := range before {
		if n < total/3 || n > total/3+1 {
			t.Fatalf("counts of equal nodes differ by more than 1: %v", before)
		}
	}
	if bad := apart(t, r, f.prefix, total); bad != "" {
		t.Fatal(bad)
	}

	victim := f.nodes[1]
	orphaned := before[victim.Name()]
	reading, stop := context.WithCancel(t.Context())
	reads := readWithoutPause(reading, t, ids, f.nodes[0].URL(), f.nodes[2].URL())
	victim.Kill(t)
	killed := time.Now()
	eventually(t, 30*time.Second, func() string {
		if left := len(listAll(t, f.nodes[0].URL(), "&owner="+victim.Name())); left > 0 {
			return fmt.Sprintf("%d sessions still belong to the killed node", left)
		}
		return ""
	})
	t.Logf("%d sessions owned again %s after the kill (heartbeatTimeout 5s)", orphaned, time.Since(killed).Round(10*time.Millisecond))
	line := fmt.Sprintf("recovered %d, lost 0", orphaned)
	eventually(t, 10*time.Second, func() string {
		if len(f.nodes[0].Logged(line))+len(f.nodes[2].Logged(line)) == 1 {
			return ""
		}
		return fmt.Sprintf("%q is not logged once: %q %q", line, f.nodes[0].Logged("recovered"), f.nodes[2].Logged("recovered"))
	})
	stop()
	t.Logf("%d reads during the failover, none failed", reads())

	all := listAll(t, proxy, "")
	if len(all) != total {
		t.Fatalf("%d sessions are left of %d", len(all), total)
	}
	moved := 0
	for _, s := range all {
		if s.Epoch == 2 {
			moved++
		} else if s.Epoch != 1 || s.Owner == victim.Name() {
			t.Fatalf("%+v", s)
		}
	}
	if moved != orphaned {
		t.Fatalf("%d sessions have a new epoch, want %d", moved, orphaned)
	}
	staleEverywhere(t, all, f.nodes[0].URL(), f.nodes[2].URL(), proxy)
	eventually(t, 30*time.Second, func() string {
		now := counts(t, f.nodes[0].URL())
		if now["node-1"]+now["node-3"] == total && max(now["node-1"]-now["node-3"], now["node-3"]-now["node-1"]) <= 1 {
			return ""
		}
		return fmt.Sprintf("counts %v", now)
	})
}

// readWithoutPause reads random sessions through each url until ctx ends; what it returns waits for that and says how many it read.
func readWithoutPause(ctx context.Context, t *testing.T, ids []string, urls ...string) func() int64 {
	var reads atomic.Int64
	var wg sync.WaitGroup
	for _, url := range urls {
		wg.Go(func() {
			for ctx.Err() == nil {
				id := ids[rand.IntN(len(ids))]
				a, err := try(ctx, "GET", url+"/v1/sessions/"+id, nil)
				switch {
				case ctx.Err() != nil:
				case err != nil:
					t.Errorf("read %s: %v", id, err)
				case a.status != 200:
					t.Errorf("read %s: %d %s", id, a.status, a.body)
				default:
					reads.Add(1)
				}
			}
		})
	}
	return func() int64 { wg.Wait(); return reads.Load() }
}

// staleEverywhere holds that the first epoch of sessions that have a second one is refused through every url.
func staleEverywhere(t *testing.T, all map[string]session, urls ...string) {
	t.Helper()
	tried := 0
	for id, s := range all {
		if s.Epoch != 2 {
			continue
		}
		for _, url := range urls {
			if p := read[problem](t, call(t, "PATCH", url+"/v1/sessions/"+id, `{"status":"failed"}`, "Session-Epoch", "1").want(t, 409)); p.Code != "stale-epoch" {
				t.Fatalf("%+v", p)
			}
		}
		if tried++; tried == 100 {
			return
		}
	}
}

// A node that is stopped for longer than its registration and goes on then owns nothing and changes nothing under its old epoch.
func TestAPausedNodeComesBackAsAStranger(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 2, "--heartbeat-timeout", "1500ms", "--gossip-interval", "300ms", "--sync-interval", "1s")
		createMany(t, f.url(0), 100)
		was := listAll(t, f.url(0), "&owner=node-2")
		f.nodes[1].Pause(t)
		eventually(t, 20*time.Second, func() string {
			if left := len(listAll(t, f.url(0), "&owner=node-2")); left > 0 {
				return fmt.Sprintf("%d sessions still belong to the paused node", left)
			}
			return ""
		})
		f.nodes[1].Resume(t)
		for id := range was {
			a := call(t, "PATCH", f.url(1)+"/v1/sessions/"+id, `{"status":"failed"}`, "Session-Epoch", "1")
			if a.status != 409 {
				t.Fatalf("the resumed node answers %d to a write under the old epoch: %s", a.status, a.body)
			}
		}
		awaitNodes(t, f.url(0), 2)
		for id := range was {
			if s := read[session](t, call(t, "GET", f.url(1)+"/v1/sessions/"+id, nil).want(t, 200)); s.Epoch < 2 || s.Status == "failed" {
				t.Fatalf("%+v", s)
			}
		}
	})
}

// A node that is killed and started again under its name is another holder: its former sessions get a new epoch, wherever they go.
func TestARestartedNodeIsAnotherHolder(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 2, "--heartbeat-timeout", "1500ms", "--gossip-interval", "300ms")
		createMany(t, f.url(0), 60)
		f.nodes[1].Kill(t)
		f.nodes[1].Restart(t)
		eventually(t, 20*time.Second, func() string {
			second := 0
			for _, s := range listAll(t, f.url(0), "") {
				if s.Epoch == 2 {
					second++
				}
			}
			if second == 30 {
				return ""
			}
			return fmt.Sprintf("%d of 30 sessions have a new epoch", second)
		})
	})
}

// SIGTERM ends a node with exit code 0; what it owned is owned by the others at once.
func TestATerminatedNodeLeaves(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 2, "--drain-delay", "0s", "--gossip-interval", "300ms")
		createMany(t, f.url(0), 60)
		eventually(t, 15*time.Second, func() string { // a node judges others once it has itself been steady for a registration's length
			return tooYoung(t, f.nodes[0].URL(), 5*time.Second)
		})
		f.nodes[1].Terminate(t)
		if err := f.nodes[1].Wait(t, 20*time.Second); err != nil {
			t.Fatal(err)
		}
		eventually(t, 20*time.Second, func() string {
			if left := len(listAll(t, f.url(0), "&owner=node-2")); left > 0 {
				return fmt.Sprintf("%d sessions still belong to the node that left", left)
			}
			return ""
		})
		if c := counts(t, f.url(0)); len(c) != 1 || c["node-1"] != 60 {
			t.Fatalf("counts %v", c)
		}
	})
}

func tooYoung(t testing.TB, url string, age time.Duration) string {
	t.Helper()
	m := read[struct {
		Node struct{ UptimeSeconds float64 }
	}](t, call(t, "GET", url+"/v1/local/metrics", nil).want(t, 200))
	if up := time.Duration(m.Node.UptimeSeconds * float64(time.Second)); up < age {
		return fmt.Sprintf("the node is up for %s only", up)
	}
	return ""
}
