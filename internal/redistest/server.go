package redistest

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Redis is one topology under test.
type Redis interface {
	// Addrs are the addresses of all its servers.
	Addrs() []string
	// Masters is how many servers take writes.
	Masters() int
	// Nodes are all its servers.
	Nodes() []*Node
	// Options returns a fresh set of client options that reach it.
	Options() *redis.UniversalOptions
	// Client returns a client with these options, changed by each edit and
	// closed with the test.
	Client(tb testing.TB, edits ...func(*redis.UniversalOptions)) redis.UniversalClient
}

var (
	_ Redis = (*Server)(nil)
	_ Redis = (*Cluster)(nil)
)

// Server is one redis-server without cluster mode.
type Server struct {
	node     *Node
	password string
}

// NewServer starts a server of the test's own, ended with the test.
func NewServer(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	b := require(tb)
	s, err := startServer(context.WithoutCancel(tb.Context()), b, opts)
	if errors.Is(err, errOneLoopback) {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	tb.Cleanup(func() { s.end(context.WithoutCancel(tb.Context())) })
	return s
}

func startServer(ctx context.Context, b backend, opts []Option) (*Server, error) {
	s := defaults(false, opts)
	s.seal()
	n, err := launch(ctx, b, "single", &s)
	if err != nil {
		return nil, err
	}
	return &Server{node: n, password: s.clientPassword()}, nil
}

func (s *Server) end(ctx context.Context) { _ = s.node.remove(ctx) }

// Addr is where clients reach the server.
func (s *Server) Addr() string { return s.node.Addr() }

// Node is the server as something that can be killed, paused and asked.
func (s *Server) Node() *Node { return s.node }

// Addrs implements [Redis].
func (s *Server) Addrs() []string { return []string{s.node.Addr()} }

// Masters implements [Redis]: always 1.
func (s *Server) Masters() int { return 1 }

// Nodes implements [Redis].
func (s *Server) Nodes() []*Node { return []*Node{s.node} }

// Options implements [Redis].
func (s *Server) Options() *redis.UniversalOptions {
	return &redis.UniversalOptions{Addrs: s.Addrs(), Password: s.password}
}

// Client implements [Redis].
func (s *Server) Client(tb testing.TB, edits ...func(*redis.UniversalOptions)) redis.UniversalClient {
	tb.Helper()
	return newClient(tb, s.Options(), edits)
}

func newClient(tb testing.TB, o *redis.UniversalOptions, edits []func(*redis.UniversalOptions)) redis.UniversalClient {
	tb.Helper()
	for _, edit := range edits {
		edit(o)
	}
	c := redis.NewUniversalClient(o)
	tb.Cleanup(func() { _ = c.Close() })
	return c
}
