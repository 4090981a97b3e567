package registry

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// patient is how long a test waits for what must happen.
const patient = 20 * time.Second

// fleet is one prefix on one Redis, with the nodes that a test starts there.
type fleet struct {
	t     *testing.T
	redis *redisx.Client
	keys  *keyspace.Keys
	log   *logs
}

// each runs fn on the embedded server and on the real topologies.
func each(t *testing.T, fn func(t *testing.T, f *fleet)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		fn(t, embedded(t))
	})
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		fn(t, newFleet(t, redistest.Prefix(t), redisx.Options{Seeds: r.Addrs()}))
	})
}

func embedded(t *testing.T) *fleet {
	t.Helper()
	return newFleet(t, "embedded", redisx.Options{Seeds: []string{redistest.Embedded(t)}, Embedded: true})
}

func newFleet(t *testing.T, prefix string, o redisx.Options) *fleet {
	t.Helper()
	client, err := redisx.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	keys, err := keyspace.New(prefix, 16)
	if err != nil {
		t.Fatal(err)
	}
	return &fleet{t, client, keys, &logs{}}
}

// node returns a registry that was not run.
func (f *fleet) node(id session.NodeID, edits ...func(*Config)) *Registry {
	f.t.Helper()
	cfg := Config{
		Self: session.Node{Holder: session.Holder{Node: id}, Host: "10.0.0.1", Port: 8080, MaxSessions: 100, Weight: 1.5, Zone: "z1", Version: "v1"},
		// Long enough for a machine that is busy, short enough to wait for.
		HeartbeatTimeout: 2 * time.Second, GossipInterval: 50 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(f.log, nil)),
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	r, err := New(f.redis, f.keys, cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

func timeout(d time.Duration) func(*Config) { return func(c *Config) { c.HeartbeatTimeout = d } }

// joined returns a registry whose node is registered and beats no more, as that of a process that was stopped.
func (f *fleet) joined(id session.NodeID, edits ...func(*Config)) *Registry {
	f.t.Helper()
	r := f.node(id, edits...)
	if err := r.join(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	return r
}

// run runs a registry until the returned function is called or the test ends.
func (f *fleet) run(r *Registry) (stop func()) {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	select {
	case <-r.Joined():
	case err := <-done:
		f.t.Fatalf("Run ended: %v", err)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				f.t.Errorf("Run: %v", err)
			}
		})
	}
	f.t.Cleanup(stop)
	return stop
}

// load makes every server know the scripts, so that their first call by digest is executed.
func (f *fleet) load(sources ...string) {
	f.t.Helper()
	for _, source := range sources {
		if err := f.redis.Redis().ScriptLoad(f.t.Context(), source).Err(); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *fleet) exists(keys ...string) (found []string) {
	f.t.Helper()
	for _, key := range keys {
		n, err := f.redis.Redis().Exists(f.t.Context(), key).Result()
		if err != nil {
			f.t.Fatal(err)
		}
		if n == 1 {
			found = append(found, key)
		}
	}
	return found
}

// eventually polls until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(patient)
	defer limit.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("not within %s: %s", patient, what)
		}
	}
}

// logs is what was logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logs) count(text string) int { return strings.Count(l.String(), text) }

func z(member string, score float64) redis.Z { return redis.Z{Member: member, Score: score} }
