package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"orchestrator/internal/assignments"
	"orchestrator/internal/balancer"
	"orchestrator/internal/handover"
	"orchestrator/internal/keyspace"
	"orchestrator/internal/lease"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// member is one node in the test's process: every part real, no HTTP.
type member struct {
	*Service
	registry *registry.Registry
	balancer *balancer.Balancer
	store    *sessionstore.Store
	board    *assignments.Board
	client   *redisx.Client
	keys     *keyspace.Keys
	kill     func() // ends its loops without leaving: its registration runs out by itself
}

// settings of a test's fleet; the zero value is quick and roomy.
type settings struct {
	maxSessions int
	deadline    time.Duration // of reservations
	rate        int           // of rebalancing
	leaseTTL    time.Duration // 0: 3 s
	idle        bool          // register, but run no loop of the service
}

const testHeartbeat = time.Second

// join starts a member of the fleet named by prefix.
func join(t testing.TB, r redistest.Redis, prefix, name string, o settings) *member {
	t.Helper()
	c, err := redisx.Open(t.Context(), redisx.Options{Seeds: r.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	k, err := keyspace.New(prefix, 8)
	if err != nil {
		t.Fatal(err)
	}
	if o.maxSessions == 0 {
		o.maxSessions = 10_000
	}
	if o.leaseTTL == 0 {
		o.leaseTTL = 3 * time.Second
	}
	m := &member{client: c, keys: k}
	reg, err := registry.New(c, k, registry.Config{
		Self:             session.Node{Holder: session.Holder{Node: session.NodeID(name)}, Host: "127.0.0.1", Port: 1, MaxSessions: o.maxSessions},
		HeartbeatTimeout: testHeartbeat, GossipInterval: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	bal, err := balancer.New(c, k, balancer.Config{Deadline: o.deadline})
	if err != nil {
		t.Fatal(err)
	}
	leases, err := lease.New(c, k, lease.Config{TTL: o.leaseTTL})
	if err != nil {
		t.Fatal(err)
	}
	store, err := sessionstore.New(c, k, sessionstore.Config{LeaseTTL: o.leaseTTL})
	if err != nil {
		t.Fatal(err)
	}
	board, err := assignments.New(assignments.Config{RevokeTimeout: 2 * time.Second, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	m.registry, m.balancer, m.store, m.board = reg, bal, store, board
	m.Service, err = New(Config{
		Members: reg, Undertaker: reg, Placer: bal, Accounts: bal, Leases: leases, Store: store, Redis: c,
		Requests: handover.New(c, k, nil), Roster: board, RebalanceRate: o.rate,
		HeartbeatTimeout: testHeartbeat, GossipInterval: 100 * time.Millisecond, SyncInterval: 300 * time.Millisecond,
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	m.start(t, o)
	return m
}

// start runs the member's loops until the test ends or kill is called.
func (m *member) start(t testing.TB, o settings) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var g errgroup.Group
	g.Go(func() error { return m.registry.Run(ctx) })
	g.Go(func() error { return m.board.Run(ctx) })
	if !o.idle {
		g.Go(func() error { return m.Service.Run(ctx) })
	}
	ended := false
	m.kill = func() {
		if !ended {
			ended = true
			cancel()
			_ = g.Wait()
		}
	}
	t.Cleanup(func() { m.kill(); _ = m.client.Close() })
	select {
	case <-m.registry.Joined():
	case <-time.After(10 * time.Second):
		t.Fatal("the member never joined")
	}
}

// make creates n sessions through the member.
func (m *member) make(t testing.TB, n int) []session.Session {
	t.Helper()
	made := make([]session.Session, 0, n)
	for len(made) < n {
		drafts := make([]session.Draft, min(500, n-len(made)))
		for i := range drafts {
			drafts[i] = session.Draft{Type: "t", Name: fmt.Sprint("s", len(made)+i), Workspace: "/w"}
		}
		for _, res := range m.CreateBatch(t.Context(), drafts) {
			if res.Err != nil {
				t.Fatal(res.Err)
			}
			made = append(made, res.Session)
		}
	}
	return made
}

// counts returns the balancer's live counts.
func (m *member) counts(t testing.TB) map[session.NodeID]int {
	t.Helper()
	counts, err := m.balancer.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// await polls until ok returns "".
func await(t testing.TB, ok func() string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-tick.C {
		missing := ok()
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(missing)
		}
	}
}

func isNoCapacity(err error) bool {
	var full *session.NoCapacityError
	return errors.As(err, &full)
}
