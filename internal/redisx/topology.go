package redisx

import (
	"context"
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

// Refresh looks at the cluster's topology and at Redis's clock.
func (c *Client) Refresh(ctx context.Context) error {
	sent := time.Now()
	now, err := c.rdb.Time(ctx).Result()
	if err != nil {
		return Wrap(err)
	}
	c.offset.Store(int64(now.Sub(sent.Add(time.Since(sent) / 2))))
	if c.cluster == nil {
		c.topology.Store(&Topology{Masters: []Master{{ID: "single", Addr: c.rdb.(*redis.Client).Options().Addr}}})
		return nil
	}
	ranges, err := c.cluster.ClusterSlots(ctx).Result()
	if err != nil {
		return Wrap(err)
	}
	c.topology.Store(newTopology(ranges))
	return nil
}

// Now returns Redis's time as far as this process can tell: its own clock, set right at the last Refresh.
func (c *Client) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())).UTC() }

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
		for slot := r.Start; slot <= r.End && slot < slots; slot++ {
			t.owner[slot] = i
		}
	}
	return t
}
