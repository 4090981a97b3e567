package balancer

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// bench is a balancer on a prefix of its own, with the registrations that a test writes.
type bench struct {
	*Balancer
	t *testing.T
}

func each(t *testing.T, fn func(t *testing.T, b bench)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		fn(t, embedded(t))
	})
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		fn(t, open(t, redistest.Prefix(t), redisx.Options{Seeds: r.Addrs()}))
	})
}

func embedded(t *testing.T) bench {
	t.Helper()
	return open(t, "embedded", redisx.Options{Seeds: []string{redistest.Embedded(t)}, Embedded: true})
}

func open(t *testing.T, prefix string, o redisx.Options) bench {
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
	return bench{t: t}.with(client, keys, Config{})
}

func (b bench) with(client *redisx.Client, keys *keyspace.Keys, cfg Config) bench {
	b.t.Helper()
	made, err := New(client, keys, cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	return bench{made, b.t}
}

// using returns a balancer of the same counts with another configuration.
func (b bench) using(cfg Config) bench { return b.with(b.redis, b.keys, cfg) }

// register writes the part of a registration that the balancer reads, and the live count, and returns the node.
func (b bench) register(n session.Node) session.Node {
	b.t.Helper()
	if n.State == "" {
		n.State = session.Ready
	}
	if n.Weight == 0 {
		n.Weight = 1
	}
	if n.Incarnation == "" {
		n.Incarnation = "i-" + string(n.Node)
	}
	_, err := b.redis.Redis().Pipelined(b.t.Context(), func(p redis.Pipeliner) error {
		p.HSet(b.t.Context(), b.keys.Node(n.Node), "incarnation", n.Incarnation, "state", string(n.State), "maxSessions", n.MaxSessions, "weight", n.Weight)
		p.ZAddNX(b.t.Context(), b.keys.Load(), redis.Z{Member: string(n.Node), Score: float64(n.Sessions)})
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// nodes registers n nodes with room for limit sessions each.
func (b bench) nodes(n, limit int) []session.Node {
	b.t.Helper()
	nodes := make([]session.Node, n)
	for i := range nodes {
		nodes[i] = b.register(named(fmt.Sprintf("n%03d", i), limit))
	}
	return nodes
}

func named(id string, limit int) session.Node {
	return session.Node{Holder: session.Holder{Node: session.NodeID(id)}, MaxSessions: limit}
}

func attempts(n int) []Attempt {
	out := make([]Attempt, n)
	for i := range out {
		id := session.NewID(time.Now())
		out[i] = Attempt{Session: id, Key: "try-" + string(id)}
	}
	return out
}

// reserve places as much as fits and fails the test on any error but a lack of room.
func (b bench) reserve(req Request) []Placed {
	b.t.Helper()
	placed, err := b.Reserve(b.t.Context(), req)
	var full *session.NoCapacityError
	if err != nil && !errors.As(err, &full) {
		b.t.Fatal(err)
	}
	return placed
}

func (b bench) counts() map[session.NodeID]int {
	b.t.Helper()
	counts, err := b.Counts(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return counts
}

func (b bench) snapshot(node session.NodeID) Snapshot {
	b.t.Helper()
	s, err := b.Snapshot(b.t.Context(), node)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// spread returns the least and the greatest count.
func spread(counts map[session.NodeID]int) (least, most int) {
	first := true
	for _, n := range counts {
		if first {
			least, most, first = n, n, false
		}
		least, most = min(least, n), max(most, n)
	}
	return least, most
}
