package integration

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
)

// ward is a fleet that harm is done to behind its back.
type ward struct {
	f      fleetOf
	r      redistest.Redis
	client redis.UniversalClient
	keys   *keyspace.Keys
}

// wardPartitions are few, so that a round is quick.
const wardPartitions = 16

// damageLimit is how long anybody waits for rounds that take a second each.
const damageLimit = 60 * time.Second

func startWard(t *testing.T, r redistest.Redis, nodes int) *ward {
	t.Helper()
	return startSlowWard(t, r, nodes, time.Second)
}

// startSlowWard is startWard with sync rounds so far apart; a change may take half of that before it counts as unfinished.
func startSlowWard(t *testing.T, r redistest.Redis, nodes int, rounds time.Duration) *ward {
	t.Helper()
	// What evening out moves is written anew, and with it what was harmed: that would not be the sync round's doing.
	f := startFleet(t, r, nodes, "--rebalance-rate", "0", "--partitions", strconv.Itoa(wardPartitions), "--sync-interval", rounds.String(), "--gossip-interval", "300ms", "--heartbeat-timeout", "2s")
	keys, err := keyspace.New(f.prefix, wardPartitions)
	if err != nil {
		t.Fatal(err)
	}
	w := &ward{f, r, r.Client(t), keys}
	w.awaitRounds(t, 3) // a node judges nobody before it was trusted for a whole heartbeatTimeout
	return w
}

var (
	mendedLine = regexp.MustCompile(`(?m)^orchestrator_sync_mended_total\{kind="(\w+)"\} (\S+)$`)
	roundsLine = regexp.MustCompile(`(?m)^orchestrator_sync_rounds_total (\S+)$`)
)

// mended is what all nodes have mended since they started, by kind.
func (w *ward) mended(t testing.TB) map[string]int {
	t.Helper()
	sums := map[string]int{}
	for i := range w.f.nodes {
		page := string(call(t, "GET", w.f.url(i)+"/metrics", nil).want(t, 200).body)
		for _, m := range mendedLine.FindAllStringSubmatch(page, -1) {
			n, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				t.Fatal(err)
			}
			sums[m[1]] += int(n)
		}
	}
	for _, kind := range []string{"copy", "home", "moved", "count", "index", "orphan"} {
		if _, ok := sums[kind]; !ok {
			t.Fatalf("no node counts what it mends of kind %q: %v", kind, sums)
		}
	}
	return sums
}

// rounds is how many sync rounds each node has finished.
func (w *ward) rounds(t testing.TB) []int {
	t.Helper()
	rounds := make([]int, len(w.f.nodes))
	for i := range rounds {
		m := roundsLine.FindStringSubmatch(string(call(t, "GET", w.f.url(i)+"/metrics", nil).want(t, 200).body))
		if m == nil {
			t.Fatal("a node does not count its sync rounds")
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		rounds[i] = int(n)
	}
	return rounds
}

// awaitRounds waits until every node has begun and finished n sync rounds from now on; the one it is in may have passed the place.
func (w *ward) awaitRounds(t testing.TB, n int) {
	t.Helper()
	before := w.rounds(t)
	eventually(t, damageLimit, func() string {
		for i, now := range w.rounds(t) {
			if now < before[i]+n+1 {
				return fmt.Sprintf("node %d has finished %d rounds of %d", i+1, now-before[i], n+1)
			}
		}
		return ""
	})
}

// quiet fails the test unless n rounds of every node mend nothing.
func (w *ward) quiet(t testing.TB, n int) {
	t.Helper()
	before := w.mended(t)
	w.awaitRounds(t, n)
	if after := w.mended(t); !maps.Equal(before, after) {
		t.Errorf("rounds that had nothing to mend went from %v to %v", before, after)
	}
}

// work keeps a light load of everything that clients do going, until what it returns is called: that says how many sessions it made.
func (w *ward) work(t *testing.T) (done func() int64) {
	ctx, stop := context.WithCancel(t.Context())
	var made atomic.Int64
	var wg sync.WaitGroup
	for i := range len(w.f.nodes) {
		wg.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for n := 0; ctx.Err() == nil; n++ {
				w.life(ctx, t, i+n, &made)
				<-tick.C
			}
		})
	}
	return func() int64 {
		stop()
		wg.Wait()
		return made.Load()
	}
}

// life takes one session from its creation to its end; one in three stays.
func (w *ward) life(ctx context.Context, t *testing.T, n int, made *atomic.Int64) {
	body := draft(fmt.Sprint("life", n))
	if n%4 == 0 {
		body["ttl"] = "1500ms"
	}
	a, err := try(ctx, "POST", w.f.url(n)+"/v1/sessions", body)
	if err != nil || a.status != 201 {
		w.failed(ctx, t, "create", a, err)
		return
	}
	made.Add(1)
	at := w.f.url(n+1) + a.header.Get("Location")
	if a, err = try(ctx, "PATCH", at, `{"status":"idle"}`); err != nil || a.status != 200 {
		w.failed(ctx, t, "patch", a, err)
	}
	if a, err = try(ctx, "POST", at+"/migrate", nil); err != nil || a.status != 200 {
		w.failed(ctx, t, "migrate", a, err)
	}
	if n%3 > 0 {
		if a, err = try(ctx, "DELETE", at, nil); err != nil || a.status != 204 {
			w.failed(ctx, t, "delete", a, err)
		}
	}
}

// failed reports a request that was refused while the load was wanted. What has expired by itself is not found.
func (w *ward) failed(ctx context.Context, t *testing.T, what string, a answer, err error) {
	if ctx.Err() == nil && a.status != 404 {
		t.Errorf("%s: %d %s %v", what, a.status, a.body, err)
	}
}
