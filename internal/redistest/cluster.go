package redistest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

// slotCount is how many slots a cluster's keys are spread over.
const slotCount = 16384

// Cluster is a Redis Cluster on loopback.
type Cluster struct {
	backend  backend
	settings settings

	mu      sync.Mutex
	nodes   []*Node
	masters int

	gaveBack atomic.Int32 // slots that no master wanted
}

// NewCluster starts a cluster of the test's own, three masters with a replica
// each unless options say otherwise, ready to fail over; it ends with the test.
func NewCluster(tb testing.TB, opts ...Option) *Cluster {
	tb.Helper()
	b := require(tb)
	c, err := startCluster(context.WithoutCancel(tb.Context()), b, opts)
	if errors.Is(err, errOneLoopback) {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	tb.Cleanup(func() { c.end(context.WithoutCancel(tb.Context())) })
	return c
}

func startCluster(ctx context.Context, b backend, opts []Option) (*Cluster, error) {
	s := defaults(true, opts)
	s.seal()
	c := &Cluster{backend: b, settings: s, masters: s.masters}
	c.nodes = make([]*Node, s.masters*(1+s.replicas))
	var g errgroup.Group
	for i := range c.nodes {
		g.Go(func() (err error) {
			c.nodes[i], err = launch(ctx, b, fmt.Sprintf("node%d", i), &c.settings)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		c.end(ctx)
		return nil, err
	}
	if err := c.form(ctx); err != nil {
		c.end(ctx)
		return nil, fmt.Errorf("form the cluster: %w", err)
	}
	return c, nil
}

// end removes every node, all at once: one after the other, the survivors
// would only fail over to each other.
func (c *Cluster) end(ctx context.Context) {
	var wg sync.WaitGroup
	for _, n := range c.Nodes() {
		if n != nil {
			wg.Go(func() { _ = n.remove(ctx) })
		}
	}
	wg.Wait()
}

// form makes one cluster of servers that do not know each other yet: node i is
// a master when i < masters, else the replica of master i % masters.
func (c *Cluster) form(ctx context.Context) error {
	clients := make([]*redis.Client, len(c.nodes))
	ids := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		clients[i] = redis.NewClient(n.options())
		defer clients[i].Close()
	}
	for i, cl := range clients {
		if err := c.assign(ctx, i, cl); err != nil {
			return err
		}
	}
	for i, cl := range clients {
		for _, other := range c.nodes[i+1:] { // each with each: nobody waits for gossip to travel
			if err := other.meet(ctx, cl); err != nil {
				return err
			}
		}
		id, err := cl.Do(ctx, "CLUSTER", "MYID").Text()
		if err != nil {
			return err
		}
		ids[i] = id
	}
	for i := c.masters; i < len(clients); i++ {
		master := ids[i%c.masters]
		err := poll(ctx, startTimeout, func(ctx context.Context) (bool, error) {
			// Refused until gossip has brought this node the master's name.
			return clients[i].ClusterReplicate(ctx, master).Err() == nil, nil
		})
		if err != nil {
			return fmt.Errorf("%s as replica: %w", c.nodes[i], err)
		}
	}
	return c.awaitReady(ctx, bePatient)
}

// assign gives node i its own configuration epoch, while it still knows nobody,
// and a master its slots.
func (c *Cluster) assign(ctx context.Context, i int, client *redis.Client) error {
	err := client.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err()
	if err != nil || i >= c.masters {
		return err
	}
	first, last := i*slotCount/c.masters, (i+1)*slotCount/c.masters-1
	return client.ClusterAddSlotsRange(ctx, first, last).Err()
}

// meet has the node behind client meet n. The bus port is said, for it is not
// the usual ten thousand above.
func (n *Node) meet(ctx context.Context, client *redis.Client) error {
	at := n.place()
	if n.front != nil {
		at.port, at.busPort = at.announced, at.busAtProxy
	}
	return client.Do(ctx, "CLUSTER", "MEET", "127.0.0.1", at.port, at.busPort).Err()
}

// introduceTo has n meet a newcomer.
func (n *Node) introduceTo(ctx context.Context, newcomer *Node) error {
	client := redis.NewClient(n.options())
	defer client.Close()
	return newcomer.meet(ctx, client)
}

// Nodes implements [Redis].
func (c *Cluster) Nodes() []*Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*Node(nil), c.nodes...)
}

// Addrs implements [Redis].
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, n := range c.Nodes() {
		addrs = append(addrs, n.Addr())
	}
	return addrs
}

// Masters implements [Redis]: how many there are when nothing is broken,
// [Cluster.AddMaster]'s included.
func (c *Cluster) Masters() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.masters
}

// Options implements [Redis].
func (c *Cluster) Options() *redis.UniversalOptions {
	return &redis.UniversalOptions{Addrs: c.Addrs(), IsClusterMode: true, Password: c.settings.clientPassword()}
}

// Client implements [Redis].
func (c *Cluster) Client(tb testing.TB, edits ...func(*redis.UniversalOptions)) redis.UniversalClient {
	tb.Helper()
	return newClient(tb, c.Options(), edits)
}
