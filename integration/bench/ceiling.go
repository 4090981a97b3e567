package bench

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"orchestrator/integration/harness"
	"orchestrator/internal/httpapi"
	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// ceilingAddress makes this test binary, started again, the ceiling; its value is the address.
const ceilingAddress = "BENCH_CEILING_ADDRESS"

// startCeiling starts the ceiling as a process of its own, for all steps.
func (s *suite) startCeiling() {
	s.root.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", redistest.Port(s.root))
	p := harness.Start(s.root, harness.Program{Name: "ceiling", Addr: addr, Path: os.Args[0], Env: []string{ceilingAddress + "=" + addr}})
	p.WaitReady(s.root)
	s.ceiling = p.URL()
}

// serveCeiling is that process: the program's own door over use cases that answer at once.
func serveCeiling(addr string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c := new(ceiling)
	h, err := httpapi.New(httpapi.Config{
		Sessions: c, Messages: c, Contexts: c, Catalog: c, Explainer: c, Nodes: c, Operations: c, Board: c, Events: happenings{}, Metrics: c, Health: c, Node: "ceiling",
		Registry: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	var listening net.ListenConfig
	l, err := listening.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	server := httpapi.Server(addr, h)
	go func() { <-ctx.Done(); _ = server.Close() }()
	return server.Serve(l)
}

// nodes is httpapi.Nodes under another name: it has a method of its own name.
type nodes = httpapi.Nodes

// ceiling is every use case that the load needs; nobody asks for the embedded ones. It keeps one session, the last made, and answers with
// it under any id.
type ceiling struct {
	httpapi.Messaging // not measured
	httpapi.Contexts
	httpapi.Explainer

	httpapi.Catalog
	nodes
	httpapi.Operations
	httpapi.Board
	httpapi.Metrics

	last atomic.Pointer[session.Session]
}

var holder = session.Holder{Node: "node-1", Incarnation: "00112233445566aa"}

// happenings are not measured.
type happenings struct{ httpapi.Events }

func (c *ceiling) Create(_ context.Context, d session.Draft, _ session.Idempotency) (session.Session, bool, error) {
	s := c.made(d)
	c.last.Store(&s)
	return s, true, nil
}

func (c *ceiling) made(d session.Draft) session.Session {
	now := time.Now()
	return session.Session{
		ID: session.NewID(now), Type: d.Type, Name: d.Name, Workspace: d.Workspace, Config: d.Config, Labels: d.Labels, Status: d.Status,
		Holder: holder, Stamp: session.Stamp{Epoch: 1, Op: session.NewOpID(now)}, Copies: 1, CreatedAt: now, UpdatedAt: now, OwnedAt: now,
	}
}

func (c *ceiling) CreateBatch(_ context.Context, drafts []session.Draft) []session.Result {
	results := make([]session.Result, len(drafts))
	for i, d := range drafts {
		results[i].Session = c.made(d)
	}
	c.last.Store(&results[0].Session)
	return results
}

func (c *ceiling) Get(_ context.Context, id session.ID, _ session.Consistency) (session.Session, error) {
	last := c.last.Load()
	if last == nil {
		return session.Session{}, session.ErrNotFound
	}
	s := *last
	s.ID = id
	return s, nil
}

func (c *ceiling) Update(ctx context.Context, id session.ID, _ session.Patch, _ session.Condition) (session.Session, error) {
	return c.Get(ctx, id, session.Linearizable)
}

func (c *ceiling) Delete(context.Context, session.ID, session.Condition) error { return nil }

func (c *ceiling) Ready(context.Context) []session.Check { return nil }
