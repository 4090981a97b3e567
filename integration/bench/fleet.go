package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	load "orchestrator/internal/bench"

	"orchestrator/integration/harness"
)

// fleet is some nodes on one site, alone there.
type fleet struct {
	s      *suite
	at     *site
	factor int
	flags  []string
	prefix string
	nodes  []*harness.Process
}

// fleet starts n nodes at once and waits until they know each other. It ends by end.
func (s *suite) fleet(l layout, n, factor int, flags ...string) *fleet {
	s.tb.Helper()
	s.fleets++
	f := &fleet{s: s, at: s.sites[l], factor: factor, flags: flags, prefix: fmt.Sprintf("bench%d", s.fleets)}
	f.join(n)
	return f
}

// join starts n more nodes. Sessions stay where they are.
func (f *fleet) join(n int) {
	f.s.tb.Helper()
	first := len(f.nodes)
	for i := first; i < first+n; i++ {
		f.nodes = append(f.nodes, harness.LaunchNode(f.s.tb, harness.NodeConfig{
			ID: fmt.Sprint("node-", i+1), Seeds: f.at.redis.Addrs(), Flags: append([]string{
				"--prefix", f.prefix, "--replication-factor", strconv.Itoa(f.factor), "--max-sessions", "1000000", "--rebalance-rate", "0",
				"--drain-delay", "0s",
			}, f.flags...),
		}))
	}
	for _, node := range f.nodes {
		node.WaitReady(f.s.tb)
	}
	for _, node := range f.nodes {
		f.s.await(fmt.Sprintf("%s sees %d nodes", node.Name(), len(f.nodes)), func() bool { return f.local(node).Cluster.LiveNodes == len(f.nodes) })
	}
}

// end kills the nodes and empties Redis.
func (f *fleet) end() {
	f.s.tb.Helper()
	for _, node := range f.nodes {
		node.Kill(f.s.tb)
	}
	if err := f.at.empty(f.s.ctx()); err != nil {
		f.s.tb.Fatalf("bench: %v", err)
	}
}

func (f *fleet) urls() (urls []string) {
	for _, node := range f.nodes {
		urls = append(urls, node.URL())
	}
	return urls
}

// localMetrics is what is read of /v1/local/metrics.
type localMetrics struct {
	Node    struct{ UptimeSeconds float64 }
	Cluster struct{ LiveNodes int }
	Cache   cacheMetrics
}

// cacheMetrics is what caches answered since their nodes began.
type cacheMetrics struct{ Hits, Misses int }

// hitRate is how many of the reads since before the caches answered, from 0 to 1; NaN where there were none.
func (c cacheMetrics) hitRate(before cacheMetrics) float64 {
	hits, misses := c.Hits-before.Hits, c.Misses-before.Misses
	return float64(hits) / float64(hits+misses)
}

// cache sums up the nodes' caches.
func (f *fleet) cache() (sum cacheMetrics) {
	for _, node := range f.nodes {
		c := f.local(node).Cache
		sum.Hits, sum.Misses = sum.Hits+c.Hits, sum.Misses+c.Misses
	}
	return sum
}

// local asks a node about itself; a node that does not answer says nothing.
func (f *fleet) local(node *harness.Process) (m localMetrics) {
	ctx, cancel := context.WithTimeout(f.s.ctx(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, node.URL()+"/v1/local/metrics", nil)
	if err != nil {
		f.s.tb.Fatalf("bench: %v", err)
	}
	req.Close = true // the next generator's connections are its own
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return m
	}
	defer resp.Body.Close()
	_ = json.NewDecoder(resp.Body).Decode(&m)
	return m
}

// spent is processor time.
type spent struct{ nodes, redis time.Duration }

func (p spent) sum() time.Duration { return p.nodes + p.redis }

func (p spent) minus(o spent) spent { return spent{p.nodes - o.nodes, p.redis - o.redis} }

func (p spent) times(k float64) spent {
	return spent{time.Duration(float64(p.nodes) * k), time.Duration(float64(p.redis) * k)}
}

// spent is the processor time that the fleet and its Redis have had.
func (f *fleet) spent() (p spent) {
	f.s.tb.Helper()
	for _, node := range f.nodes {
		t, err := processTime(node.PID())
		if err != nil {
			f.s.tb.Fatalf("bench: %v", err)
		}
		p.nodes += t
	}
	var err error
	if p.redis, err = f.at.time(f.s.ctx()); err != nil {
		f.s.tb.Fatalf("bench: %v", err)
	}
	return p
}

// watched is what the fleet spends a second while nobody asks anything of it.
func (f *fleet) watched(span time.Duration) spent {
	f.s.tb.Helper()
	before, began := f.spent(), time.Now()
	f.s.pause(span)
	return f.spent().minus(before).times(1 / time.Since(began).Seconds())
}

// cost sends a load, warmed up, and returns beside what was measured the processor time that each session took beyond what the fleet
// spends at rest.
func (f *fleet) cost(g *load.Generator, l load.Load, rest spent) (load.Operation, spent) {
	f.s.tb.Helper()
	f.s.warm(g, l)
	before, began := f.spent(), time.Now()
	o := f.s.send(g, l)
	more := f.spent().minus(before).minus(rest.times(time.Since(began).Seconds()))
	return o, more.times(1 / float64(max(o.Sessions, 1)))
}

// micros is a time in microseconds.
func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// blob is how long a record's blob is, in bytes, on average over what is there.
func (f *fleet) blob() int {
	f.s.tb.Helper()
	bytes, records, err := f.at.blobs(f.s.ctx(), f.prefix)
	if err != nil || records == 0 {
		f.s.tb.Fatalf("bench: %d records with a blob, %v", records, err)
	}
	return int(bytes / records)
}
