package scale

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"orchestrator/internal/balancer"
	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// TestTheRuleIsTheBalancers has the balancer, its narrowing and its script place sessions in random fleets, of up to 150 nodes of any
// weight, limit, state and count, under views that are behind, and expects each where the rule puts it. rapid prints the seed.
func TestTheRuleIsTheBalancers(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		holdTheRule(t, "held", redisx.Options{Seeds: []string{redistest.Embedded(t)}, Embedded: true})
	})
	t.Run("single", func(t *testing.T) {
		t.Parallel()
		holdTheRule(t, redistest.Prefix(t), redisx.Options{Seeds: redistest.Single(t).Addrs()})
	})
}

func holdTheRule(t *testing.T, prefix string, o redisx.Options) {
	client, err := redisx.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		keys, err := keyspace.New(fmt.Sprintf("%s-%d", prefix, run), 16)
		if err != nil {
			rt.Fatal(err)
		}
		hashing := rapid.Bool().Draw(rt, "consistent hashing")
		cfg := balancer.Config{}
		if hashing {
			cfg.Strategy = balancer.ConsistentHash
		}
		b, err := balancer.New(client, keys, cfg)
		if err != nil {
			rt.Fatal(err)
		}
		nodes := drawFleet(rt)
		plant(rt, t, client, keys, nodes)
		attempts := make([]balancer.Attempt, rapid.IntRange(1, 40).Draw(rt, "sessions"))
		for i := range attempts {
			id := session.NewID(time.Now())
			attempts[i] = balancer.Attempt{Session: id, Key: string(id)}
		}
		placed, err := b.Reserve(t.Context(), balancer.Request{Attempts: attempts, Candidates: candidates(nodes)})
		if full := (*session.NoCapacityError)(nil); err != nil && !errors.As(err, &full) {
			rt.Fatal(err)
		}
		got := map[session.ID]session.NodeID{}
		for _, p := range placed {
			got[p.Session] = p.Node.Node
		}
		for _, want := range expected(attempts, nodes, hashing) {
			if got[want.id] != want.node {
				rt.Fatalf("session %s went to %q, the rule says %q", want.id, got[want.id], want.node)
			}
		}
	})
}

type placing struct {
	id   session.ID
	node session.NodeID
}

// expected follows the rule in the order of the balancer: a group of candidates serves all attempts before the next group serves the rest.
// As no attempt has a say in another group's counts, that is one attempt after the other.
func expected(attempts []balancer.Attempt, nodes []node, hashing bool) (out []placing) {
	for _, a := range attempts {
		p := placing{id: a.Session}
		if at := place(a.Session, nodes, hashing); at >= 0 {
			p.node = nodes[at].id
		}
		out = append(out, p)
	}
	return out
}

func drawFleet(rt *rapid.T) []node {
	nodes := make([]node, rapid.OneOf(rapid.IntRange(1, 10), rapid.IntRange(1, 150)).Draw(rt, "nodes"))
	weighty := rapid.Bool().Draw(rt, "weights")
	for i := range nodes {
		n := node{id: nodeName(i), weight: 1, limit: rapid.IntRange(1, 30).Draw(rt, "limit"), ready: true}
		if weighty {
			n.weight = rapid.SampledFrom([]float64{0.5, 1, 2, 3}).Draw(rt, "weight")
		}
		n.count = rapid.IntRange(0, n.limit).Draw(rt, "count")
		n.seen = max(0, n.count+rapid.IntRange(-3, 3).Draw(rt, "behind"))
		n.ready = rapid.IntRange(0, 9).Draw(rt, "state") > 0
		nodes[i] = n
	}
	return nodes
}

func nodeName(i int) session.NodeID { return session.NodeID(fmt.Sprintf("node-%04d", i)) }

func state(n node) session.NodeState {
	if n.ready {
		return session.Ready
	}
	return session.Cordoned
}

func candidates(nodes []node) []session.Node {
	out := make([]session.Node, len(nodes))
	for i, n := range nodes {
		out[i] = session.Node{Holder: session.Holder{Node: n.id, Incarnation: "i"}, State: state(n), MaxSessions: n.limit, Weight: n.weight, Sessions: n.seen}
	}
	return out
}

// plant writes what the script reads of the nodes.
func plant(rt *rapid.T, t *testing.T, client *redisx.Client, keys *keyspace.Keys, nodes []node) {
	ctx := t.Context()
	_, err := client.Redis().Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, n := range nodes {
			p.HSet(ctx, keys.Node(n.id), "incarnation", "i", "state", string(state(n)), "maxSessions", n.limit, "weight", n.weight)
			p.ZAdd(ctx, keys.Load(), redis.Z{Member: string(n.id), Score: float64(n.count)})
		}
		return nil
	})
	if err != nil {
		rt.Fatal(err)
	}
}
