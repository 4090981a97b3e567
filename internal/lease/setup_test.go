package lease

import (
	"testing"
	"time"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

func TestMain(m *testing.M) { redistest.Main(m) }

const patient = 20 * time.Second

var (
	alice = session.Holder{Node: "alice", Incarnation: "aaaaaaaaaaaaaaaa"}
	bob   = session.Holder{Node: "bob", Incarnation: "bbbbbbbbbbbbbbbb"}
)

// bench is a manager on a prefix of its own.
type bench struct {
	*Manager
	t *testing.T
}

func each(t *testing.T, fn func(t *testing.T, b bench)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		fn(t, embedded(t))
	})
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		fn(t, open(t, redistest.Prefix(t), 0, redisx.Options{Seeds: r.Addrs()}))
	})
}

func embedded(t *testing.T) bench {
	t.Helper()
	return open(t, "embedded", 0, redisx.Options{Seeds: []string{redistest.Embedded(t)}, Embedded: true})
}

func open(t *testing.T, prefix string, ttl time.Duration, o redisx.Options) bench {
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
	return bench{manager(t, client, keys, ttl), t}
}

func manager(t *testing.T, client *redisx.Client, keys *keyspace.Keys, ttl time.Duration) *Manager {
	t.Helper()
	m, err := New(client, keys, Config{TTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// lasting returns a manager of the same leases with another time to live.
func (b bench) lasting(ttl time.Duration) bench {
	b.t.Helper()
	return bench{manager(b.t, b.redis, b.keys, ttl), b.t}
}

func (b bench) take(id session.ID, h session.Holder, epoch uint64) *Lease {
	b.t.Helper()
	l, err := b.Take(b.t.Context(), id, h, epoch)
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

// value returns what the lease key holds; "" where there is none.
func (b bench) value(id session.ID) string {
	b.t.Helper()
	return b.redis.Redis().Get(b.t.Context(), b.keys.Lease(id)).Val()
}

// plain returns redsync as anybody else would set it up, with the same value.
func (b bench) plain(id session.ID, value string) *redsync.Mutex {
	return redsync.New(goredis.NewPool(b.redis.Redis())).NewMutex(b.keys.Lease(id), redsync.WithTries(1), redsync.WithExpiry(time.Minute),
		redsync.WithValue(value), redsync.WithGenValueFunc(func() (string, error) { return value, nil }))
}

// own writes the part of a home record that says who owns the session.
func (b bench) own(id session.ID, h session.Holder, epoch uint64) {
	b.t.Helper()
	err := b.redis.Redis().HSet(b.t.Context(), b.keys.Session(id), "owner", string(h.Node), "incarnation", h.Incarnation, "epoch", epoch).Err()
	if err != nil {
		b.t.Fatal(err)
	}
}

func newID() session.ID { return session.NewID(time.Now()) }

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
