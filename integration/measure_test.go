package integration

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/integration/harness"
	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	domain "orchestrator/internal/session"
)

// measureRuns is how often each figure of docs/promises.md is taken; 0 skips them. `make measure` sets it.
var measureRuns = flag.Int("measure", 0, "take each figure of docs/promises.md so many times")

const measured = 10_000 // sessions of the node that goes

// figures are one quantity, measured again and again.
type figures struct {
	what string
	took []time.Duration
}

func (f *figures) add(t testing.TB, d time.Duration) {
	f.took = append(f.took, d)
	t.Logf("measured %s: run %d: %s", f.what, len(f.took), d.Round(time.Millisecond))
}

// report prints median, 99th percentile and extremes: of so few runs the 99th percentile is the greatest.
func (f *figures) report(t testing.TB) {
	if len(f.took) == 0 {
		return
	}
	s := slices.Sorted(slices.Values(f.took))
	at := func(q float64) time.Duration { return s[min(len(s)-1, int(q*float64(len(s))))].Round(time.Millisecond) }
	t.Logf("figure | %s | runs %d | median %s | p99 %s | least %s | most %s", f.what, len(s), at(0.5), at(0.99), s[0].Round(time.Millisecond), at(1))
}

// ownedBy counts, straight in Redis, what a node owns.
func ownedBy(t testing.TB, c redis.UniversalClient, k *keyspace.Keys, node string) int {
	t.Helper()
	cmds := make([]*redis.IntCmd, k.Partitions())
	pipe := c.Pipeline()
	for p := range cmds {
		cmds[p] = pipe.ZCard(t.Context(), k.Owned(p, domain.NodeID(node)))
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, cmd := range cmds {
		n += int(cmd.Val())
	}
	return n
}

// loadedFleet is three nodes of which the first can be made to own everything, again and again.
type loadedFleet struct {
	fleetOf
	client redis.UniversalClient
	keys   *keyspace.Keys
}

func startLoaded(t *testing.T, r redistest.Redis, flags ...string) *loadedFleet {
	t.Helper()
	f := &loadedFleet{client: r.Client(t)}
	f.fleetOf = startFleet(t, r, 3, append([]string{"--max-sessions", "20000", "--rebalance-rate", "0", "--drain-delay", "0s"}, flags...)...)
	keys, err := keyspace.New(f.prefix, 256)
	if err != nil {
		t.Fatal(err)
	}
	f.keys = keys
	createMany(t, f.url(0), measured)
	return f
}

// gather makes the first node own every session.
func (f *loadedFleet) gather(t *testing.T) {
	t.Helper()
	for _, other := range []string{"node-2", "node-3"} {
		call(t, "POST", f.url(0)+"/v1/nodes/"+other+"/drain", nil).want(t, 202)
	}
	f.awaitOwned(t, "node-1", measured)
	for _, other := range []string{"node-2", "node-3"} {
		call(t, "POST", f.url(0)+"/v1/nodes/"+other+"/uncordon", nil).want(t, 200)
	}
	eventually(t, 60*time.Second, func() string { // nothing is under way any more
		if c := counts(t, f.url(0)); c["node-1"] != measured || c["node-2"]+c["node-3"] != 0 {
			return fmt.Sprintf("counts %v", c)
		}
		return ""
	})
	for _, node := range f.nodes[1:] { // a node judges others once it was steady for a registration's length
		eventually(t, 20*time.Second, func() string { return tooYoung(t, node.URL(), 6*time.Second) })
	}
	time.Sleep(2 * time.Second) // for its peers to be connected to the node that was started again
}

func (f *loadedFleet) awaitOwned(t *testing.T, node string, n int) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for ownedBy(t, f.client, f.keys, node) != n {
		if time.Now().After(deadline) {
			t.Fatalf("%s owns %d sessions, want %d", node, ownedBy(t, f.client, f.keys, node), n)
		}
		time.Sleep(20 * time.Millisecond) // each look is 256 commands
	}
}

func skipUnlessMeasuring(t *testing.T) {
	if *measureRuns == 0 {
		t.Skip("figures are taken by `make measure`")
	}
}

// A node that owns 10,000 sessions is killed, paused, or told to end: how long until others own them all?
func TestMeasureNodesThatGo(t *testing.T) {
	skipUnlessMeasuring(t)
	f := startLoaded(t, redistest.Shared(t))
	for _, way := range []struct {
		what string
		end  func(p *harness.Process)
		back func(p *harness.Process)
	}{
		{"node killed, seen by its peers: 10,000 sessions owned again", func(p *harness.Process) { p.Kill(t) }, func(p *harness.Process) { p.Restart(t) }},
		{"node silent (stopped): 10,000 sessions owned again", func(p *harness.Process) { p.Pause(t) }, func(p *harness.Process) { p.Resume(t) }},
		{"node told to end: 10,000 sessions handed over", func(p *harness.Process) { p.Terminate(t) }, func(p *harness.Process) {
			if err := p.Wait(t, 30*time.Second); err != nil {
				t.Fatal(err)
			}
			p.Restart(t)
		}},
	} {
		fig := figures{what: way.what}
		for range *measureRuns {
			f.gather(t)
			fig.add(t, f.takes(t, f.nodes[0], way.end))
			way.back(f.nodes[0])
			f.nodes[0].WaitReady(t)
			awaitNodes(t, f.url(0), 3)
		}
		fig.report(t)
	}
}

// takes is how long after end sessions of the node are owned by others: until the line that ends its recovery or its own handing over, by the
// clock in the line, so that nobody need ask Redis meanwhile.
func (f *loadedFleet) takes(t *testing.T, node *harness.Process, end func(*harness.Process)) time.Duration {
	t.Helper()
	lines := func() (found []string) {
		for _, n := range f.nodes {
			found = append(append(found, n.Logged("recovered", "lost 0", "dead="+node.Name())...), n.Logged("every session was handed over")...)
		}
		return found
	}
	before := lines()
	began := time.Now()
	end(node)
	var last time.Time
	eventually(t, 60*time.Second, func() string {
		for _, line := range lines() {
			if slices.Contains(before, line) {
				continue
			}
			at, err := time.Parse(time.RFC3339Nano, strings.TrimPrefix(strings.Fields(line)[0], "time="))
			if err != nil {
				t.Fatal(err)
			}
			last = at
			return ""
		}
		return "no line says that it was recovered"
	})
	if n := ownedBy(t, f.client, f.keys, node.Name()); n > 0 {
		t.Fatalf("%s still owns %d sessions", node.Name(), n)
	}
	return last.Sub(began)
}

// Of a fleet of 10,000 sessions one node is killed: how long until what it owned, a third, is owned again?
func TestMeasureOneNodeOfAFleet(t *testing.T) {
	skipUnlessMeasuring(t)
	third := figures{what: "node killed, seen by its peers: its third of 10,000 sessions owned again"}
	for range *measureRuns {
		t.Run("third", func(t *testing.T) {
			f := startLoaded(t, redistest.Shared(t))
			third.add(t, f.killed(t, f.nodes[1]))
		})
	}
	third.report(t)
	half := figures{what: "the same, started again with nothing before: half of 10,000 sessions owned again"}
	f := startLoaded(t, redistest.Shared(t))
	f.killed(t, f.nodes[0])
	for run := range *measureRuns {
		half.add(t, f.killed(t, f.nodes[(run+1)%2])) // the other one owns half
	}
	half.report(t)
}

// killed measures how long a node's sessions have no owner once it is killed, and starts it again.
func (f *loadedFleet) killed(t *testing.T, victim *harness.Process) time.Duration {
	t.Helper()
	for _, node := range f.nodes {
		eventually(t, 20*time.Second, func() string { return tooYoung(t, node.URL(), 6*time.Second) })
	}
	took := f.takes(t, victim, func(p *harness.Process) { p.Kill(t) })
	victim.Restart(t)
	victim.WaitReady(t)
	awaitNodes(t, f.url(0), 3)
	return took
}

// A Redis master is killed under writes: for how long was a session not written?
func TestMeasureWriteGap(t *testing.T) {
	skipUnlessMeasuring(t)
	c := redistest.NewCluster(t)
	f := startFleet(t, c, 3, "--rebalance-rate", "0")
	ids := createMany(t, f.url(0), 200)
	fig := figures{what: "Redis master killed: longest time without an acknowledged write"}
	lost := 0
	for run := range *measureRuns {
		slot := run % 3 * 16384 / 3
		gap, missing := writeGap(t, c, &f, ids, slot)
		fig.add(t, gap)
		lost += missing
	}
	fig.report(t)
	t.Logf("figure | acknowledged writes lost with a killed master | %d", lost)
}

// writeGap writes to sessions while the master of a slot is killed, and returns the longest time that one writer was not acknowledged,
// and how many acknowledged writes are missing.
func writeGap(t *testing.T, c *redistest.Cluster, f *fleetOf, ids []string, slot int) (gap time.Duration, missing int) {
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	var wg sync.WaitGroup
	last := make([]atomic.Int64, len(ids))
	for w := range 8 {
		wg.Go(func() {
			acked := time.Now()
			for n := 1; ctx.Err() == nil; n++ {
				i, number := w+8*(n%(len(ids)/8)), time.Now().UnixNano() // each session has one writer: its numbers grow
				a, err := try(ctx, "PATCH", f.url(w+n)+"/v1/sessions/"+ids[i], fmt.Sprintf(`{"labels":{"n":"%d"}}`, number))
				if err != nil || a.status != 200 {
					continue
				}
				last[i].Store(number)
				mu.Lock()
				gap = max(gap, time.Since(acked))
				mu.Unlock()
				acked = time.Now()
			}
		})
	}
	time.Sleep(time.Second) // a run-in of ordinary writes
	victim := c.MasterOf(t, slot)
	victim.Kill(t)
	c.AwaitNewMaster(t, slot, victim)
	time.Sleep(3 * time.Second) // and out again
	stop()
	wg.Wait()
	for i, id := range ids {
		kept, _ := strconv.ParseInt(read[session](t, call(t, "GET", f.url(i)+"/v1/sessions/"+id, nil).want(t, 200)).Labels["n"], 10, 64)
		if kept < last[i].Load() {
			missing++
			t.Errorf("session %s: %d is kept, %d was acknowledged", id, kept, last[i].Load())
		}
	}
	victim.Restart(t)
	c.WaitReady(t)
	return gap, missing
}
