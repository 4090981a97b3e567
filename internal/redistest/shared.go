package redistest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"orchestrator/internal/redistest/scratch"
)

// sharedNodeTimeout is long because nobody breaks the shared cluster: a busy
// machine must not make it fail over by itself.
const sharedNodeTimeout = 15 * time.Second

// endTimeout limits how long a test binary spends on ending what it shared.
const endTimeout = 20 * time.Second

// once is something started on first use and kept until the test binary ends.
type once[T any] struct {
	mu      sync.Mutex
	done    bool
	err     error
	started atomic.Pointer[T]
}

func (o *once[T]) get(start func() (*T, error)) (*T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.done {
		value, err := start()
		o.done, o.err = true, err
		if err == nil {
			o.started.Store(value)
		}
	}
	return o.started.Load(), o.err
}

// peek returns what was started, or nil. It does not wait for a start under
// way: whoever asks used nothing of it.
func (o *once[T]) peek() *T { return o.started.Load() }

var (
	chosen        once[way]
	sharedSingle  once[Server]
	sharedCluster once[Cluster]
)

// Single returns the one server that all tests of a test binary share. The
// test is skipped, by name, where no real Redis was asked for.
func Single(tb testing.TB) *Server {
	tb.Helper()
	b := require(tb)
	s, err := sharedSingle.get(func() (*Server, error) {
		return startServer(context.WithoutCancel(tb.Context()), b, nil)
	})
	if err != nil {
		tb.Fatalf("redistest: shared server: %v", err)
	}
	return s
}

// Shared returns the one cluster of three masters and three replicas that all
// tests of a test binary share. No test may kill, pause or reshape it. The test
// is skipped, by name, where no real Redis was asked for.
func Shared(tb testing.TB) *Cluster {
	tb.Helper()
	b := require(tb)
	c, err := sharedCluster.get(func() (*Cluster, error) {
		return startShared(context.WithoutCancel(tb.Context()), b)
	})
	if err != nil {
		tb.Fatalf("redistest: shared cluster: %v", err)
	}
	return c
}

// startShared forms the cluster at its usual node timeout, by which gossip is
// paced, and raises that afterwards.
func startShared(ctx context.Context, b backend) (*Cluster, error) {
	c, err := startCluster(ctx, b, nil)
	if err != nil {
		return nil, err
	}
	for _, n := range c.Nodes() {
		if err := n.configure(ctx, "cluster-node-timeout", sharedNodeTimeout.Milliseconds()); err != nil {
			c.end(ctx)
			return nil, err
		}
	}
	return c, nil
}

// Each runs fn as the parallel subtests "single" and "cluster" on the shared
// topologies.
func Each(t *testing.T, fn func(t *testing.T, r Redis)) {
	t.Helper()
	t.Run("single", func(t *testing.T) {
		t.Parallel()
		fn(t, Single(t))
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		fn(t, Shared(t))
	})
}

// Main is a TestMain for packages that use real Redis: it runs the tests, ends
// the shared topologies and then looks for leaked goroutines. It does not return.
func Main(m *testing.M, opts ...goleak.Option) {
	goleak.VerifyTestMain(ending{m}, opts...)
}

// ending runs tests and then ends what they shared.
type ending struct{ m *testing.M }

// Run implements [goleak.TestingM].
func (e ending) Run() int {
	code := e.m.Run()
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	if s := sharedSingle.peek(); s != nil {
		s.end(ctx)
	}
	if c := sharedCluster.peek(); c != nil {
		c.end(ctx)
	}
	if w := chosen.peek(); w != nil {
		w.close()
	}
	scratch.End()
	return code
}
