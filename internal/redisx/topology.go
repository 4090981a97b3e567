package redisx

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

const slots = 16384

// Master is one Redis master.
type Master struct {
	ID   string // its cluster node id; "single" for one server
	Addr string // host:port as clients reach it
	Host string
}

// Topology is which master serves which slot, as one look at the cluster showed it. It is immutable.
type Topology struct {
	Masters []Master
	owner   [slots]int16 // index into Masters; -1: nobody
}

// MasterOf returns the index in Masters of the master that serves slot, or -1.
func (t *Topology) MasterOf(slot int) int { return int(t.owner[slot]) }

// Topology returns the newest picture that Refresh got; it is never nil after Open.
func (c *Client) Topology() *Topology { return c.topology.Load() }

// Masters returns how many masters the newest picture shows.
func (c *Client) Masters() int { return len(c.Topology().Masters) }

// Refresh looks at the cluster's topology and at Redis's clock. A picture with slots that nobody serves, as a node that was just reset
// would give, is refused, and the former one kept. The clock is its master's alone, the topology any master's: the one is told
// though the other is not.
func (c *Client) Refresh(ctx context.Context) error {
	err := c.lookAround(ctx)
	if clock := c.setClock(ctx); err == nil {
		err = Wrap(clock)
	}
	return err
}

func (c *Client) lookAround(ctx context.Context) error {
	if c.cluster == nil {
		t := &Topology{Masters: []Master{{ID: "single", Addr: c.rdb.(*redis.Client).Options().Addr}}}
		c.pave(t)
		c.topology.Store(t)
		return nil
	}
	ranges, err := c.askAround(ctx)
	if err != nil {
		return Wrap(err)
	}
	t := newTopology(ranges)
	if n := t.Unserved(); n > 0 && !c.lenient {
		return Unavailable(fmt.Sprintf("the cluster names no master for %d of %d slots", n, slots), nil)
	}
	c.pave(t)
	c.topology.Store(t)
	c.breakers.forget(addresses(ranges), time.Now())
	return nil
}

// askAround asks one master after the other for the slots, as go-redis deals out calls without a key, until one answers.
func (c *Client) askAround(ctx context.Context) (ranges []redis.ClusterSlot, err error) {
	tries := 1
	if t := c.Topology(); t != nil {
		tries = len(t.Masters)
	}
	for range tries {
		//lint:ignore SA1019 go-redis itself reads CLUSTER SLOTS: the same picture, and no further permission
		ranges, err = c.cluster.ClusterSlots(ctx).Result()
		if !transient(err) || ctx.Err() != nil {
			break
		}
	}
	return ranges, err
}

// addresses are all servers that a picture names.
func addresses(ranges []redis.ClusterSlot) map[string]bool {
	named := map[string]bool{}
	for _, r := range ranges {
		for _, node := range r.Nodes {
			named[node.Addr] = true
		}
	}
	return named
}

// Unserved returns how many slots no master serves.
func (t *Topology) Unserved() (n int) {
	for _, master := range t.owner {
		if master < 0 {
			n++
		}
	}
	return n
}

func newTopology(ranges []redis.ClusterSlot) *Topology {
	t := &Topology{}
	for i := range t.owner {
		t.owner[i] = -1
	}
	index := map[string]int16{}
	for _, r := range ranges {
		if len(r.Nodes) == 0 {
			continue
		}
		node := r.Nodes[0]
		i, known := index[node.ID]
		if !known {
			i = int16(len(t.Masters))
			index[node.ID] = i
			host, _, _ := net.SplitHostPort(node.Addr)
			t.Masters = append(t.Masters, Master{node.ID, node.Addr, host})
		}
		for slot := max(r.Start, 0); slot <= r.End && slot < slots; slot++ {
			t.owner[slot] = i
		}
	}
	return t
}
