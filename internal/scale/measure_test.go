//go:build unix

package scale

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"orchestrator/internal/handover"
	"orchestrator/internal/keyspace"
	"orchestrator/internal/lease"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

var measure = flag.Bool("measure", false, "measure what calls cost, on real servers")

// meter takes what servers and this process use of the cores. It counts time on a core, not time that passes: others on the machine
// change it little.
type meter struct {
	t       *testing.T
	servers []*redis.Client
}

func (m meter) redis() (seconds float64) {
	for _, c := range m.servers {
		seconds += number(m.t, c, "cpu", "used_cpu_user_main_thread") + number(m.t, c, "cpu", "used_cpu_sys_main_thread")
	}
	return seconds
}

func (m meter) output() (bytes float64) {
	for _, c := range m.servers {
		bytes += number(m.t, c, "stats", "total_net_output_bytes")
	}
	return bytes
}

// memory is what the data of all servers takes, without the buffers of connections and replication.
func (m meter) memory() (bytes float64) {
	for _, c := range m.servers {
		bytes += number(m.t, c, "memory", "used_memory")
		for _, other := range []string{"mem_clients_normal", "mem_clients_slaves", "mem_cluster_links", "mem_total_replication_buffers"} {
			bytes -= number(m.t, c, "memory", other)
		}
	}
	return bytes
}

func number(t *testing.T, c *redis.Client, section, field string) float64 {
	t.Helper()
	text, err := c.Info(t.Context(), section).Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), field+":"); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("INFO %s tells no %s", section, field)
	return 0
}

func process(t *testing.T) (seconds float64) {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// rounds runs work several times, on n things each time, and tells what one of them took, in microseconds of a core of Redis and of this
// process: in the round that took least, and in the median round. Of what others on the machine disturb, the least tells most.
func (m meter) rounds(what string, times, n int, work func(round int)) {
	m.t.Helper()
	redis, node := make([]float64, times), make([]float64, times)
	for i := range times {
		ours, theirs := process(m.t), m.redis()
		work(i)
		node[i], redis[i] = (process(m.t)-ours)*1e6/float64(n), (m.redis()-theirs)*1e6/float64(n)
	}
	slices.Sort(redis)
	slices.Sort(node)
	m.t.Logf("%-32s %2d x %6d   Redis %7.2f us (median %7.2f)   node %7.2f us (median %7.2f)", what, times, n, redis[0], redis[times/2], node[0], node[times/2])
}

// TestCosts measures what the tables reckon with. It asserts nothing about figures.
func TestCosts(t *testing.T) {
	if !*measure {
		t.Skip("measures for minutes: give -measure")
	}
	redistest.Require(t)
	for _, value := range []int{64, 1024} {
		for _, owners := range []int{8, 125} {
			t.Run(fmt.Sprintf("hash-max-listpack-value=%d/owners=%d", value, owners), func(t *testing.T) { costsOfSessions(t, value, owners) })
		}
	}
	for _, n := range []int{10, 100, 1000} {
		t.Run(fmt.Sprintf("nodes=%d", n), func(t *testing.T) { costsOfNodes(t, n) })
	}
	t.Run("beats", costsOfBeats)
	t.Run("share", func(t *testing.T) {
		nodes := members(1000)
		meter{t: t}.rounds("1,000 nodes and partitions", 8, 512, func(int) { workers(nodes, 512) })
	})
}

const (
	costSessions   = 24_000
	costPartitions = 8 // so few that each index is as large as those of a large fleet: no listpack any more
)

func costsOfSessions(t *testing.T, listpackValue, owners int) {
	c := redistest.NewCluster(t, redistest.Replicas(0), redistest.NodeTimeout(time.Minute), redistest.Set("hash-max-listpack-value", strconv.Itoa(listpackValue)))
	m := meter{t: t}
	for _, n := range c.Nodes() {
		m.servers = append(m.servers, n.Admin(t))
	}
	client, keys := openAt(t, c, costPartitions)
	store, err := sessionstore.New(client, keys, sessionstore.Config{LeaseTTL: time.Hour, Settling: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	leases, err := lease.New(client, keys, lease.Config{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	fleet := members(owners)
	create(t, store, fleet, 500) // scripts are loaded, connections are open
	before := m.memory()
	m.rounds("create", 12, costSessions/12, func(int) { create(t, store, fleet, costSessions/12) })
	t.Logf("memory: %.0f bytes a session, all records, index, lease and owner's set", (m.memory()-before)/costSessions)
	ctx, per := t.Context(), costSessions/costPartitions
	var seen []session.Session
	m.rounds("audit", costPartitions, per, func(p int) {
		report, err := store.Audit(ctx, p, ids(fleet), func(is session.Session) { seen = append(seen, is) })
		if err != nil || report.CopiesRepaired+report.IndexRepaired+report.SharedMaster > 0 {
			t.Fatalf("%+v, %v", report, err)
		}
	})
	m.rounds("owned ids, in pages of 500", costPartitions, per, func(p int) { owned(t, store, fleet, p, nil) })
	m.rounds("owned ids and renewals", costPartitions, per, func(p int) { owned(t, store, fleet, p, leases) })
	m.rounds("takeover", 12, 500, func(i int) { takeOver(t, store, seen[500*i:][:500]) })
}

func create(t *testing.T, store *sessionstore.Store, fleet []session.Node, n int) {
	births := make([]sessionstore.Birth, 0, 500)
	for i := range n {
		id := store.NewID().InPartition(i/50%costPartitions, costPartitions) // as batches draw them
		d := session.Draft{Type: "agent", Name: fmt.Sprintf("session-%06d", i), Workspace: "workspace-1", Config: map[string]any{"prompt": strings.Repeat("x", 187)}}
		if err := d.Validate(); err != nil {
			t.Fatal(err)
		}
		births = append(births, sessionstore.Birth{ID: id, Draft: d, Owner: fleet[i%len(fleet)].Holder, Chain: store.ChainFor(id)})
		if len(births) == cap(births) {
			for _, res := range store.Create(t.Context(), births...) {
				if res.Err != nil {
					t.Fatal(res.Err)
				}
			}
			births = births[:0]
		}
	}
}

func ids(fleet []session.Node) []session.NodeID {
	out := make([]session.NodeID, len(fleet))
	for i, n := range fleet {
		out[i] = n.Node
	}
	return out
}

// owned reads which sessions of a partition each node owns, and renews their leases unless leases is nil.
func owned(t *testing.T, store *sessionstore.Store, fleet []session.Node, partition int, leases *lease.Manager) {
	for _, n := range fleet {
		for after, more := session.ID(""), true; more; more = after != "" {
			ids, next, err := store.Owned(t.Context(), partition, n.Node, after, 500)
			if err != nil {
				t.Fatal(err)
			}
			after = next
			renewals := make([]lease.Renewal, len(ids))
			for i, id := range ids {
				renewals[i].ID = id
			}
			if leases == nil {
				continue
			}
			if _, err := leases.Renew(t.Context(), partition, n.Holder, renewals); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func takeOver(t *testing.T, store *sessionstore.Store, sessions []session.Session) {
	batch := make([]sessionstore.Takeover, len(sessions))
	for i, is := range sessions {
		batch[i] = sessionstore.Takeover{ID: is.ID, From: is.Holder, To: session.Holder{Node: "heir", Incarnation: "i"}}
	}
	for _, res := range store.TakeOver(t.Context(), batch...) {
		if res.Err != nil {
			t.Fatal(res.Err)
		}
	}
}

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
			if dead, err := last.Dead(ctx); err != nil || len(dead) > 0 {
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

// await looks every so often whether something is so, until it is.
func await(t *testing.T, every time.Duration, so func() bool) {
	t.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
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

// openAt returns a client of servers and the names of a fleet's keys there.
func openAt(t *testing.T, r redistest.Redis, partitions int) (*redisx.Client, *keyspace.Keys) {
	t.Helper()
	client, err := redisx.Open(t.Context(), redisx.Options{Seeds: r.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	keys, err := keyspace.New("orch", partitions)
	if err != nil {
		t.Fatal(err)
	}
	return client, keys
}
