package redistest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// WaitReady waits until every node that is not killed or paused sees the same
// complete cluster, every such replica's link to its master is up, and a write
// to each master has reached its replicas: only then can a master be lost
// without a long outage. Slots that no master wants are given to one, and it
// says so in the test's log.
func (c *Cluster) WaitReady(tb testing.TB) {
	tb.Helper()
	orphans := c.Orphans()
	err := c.awaitReady(context.WithoutCancel(tb.Context()), func(context.Context) { orphans.GiveBack(tb) })
	if err != nil {
		tb.Fatalf("redistest: cluster not ready: %v", err)
	}
}

// awaitReady is WaitReady; whenever the cluster is not ready, unready is called.
func (c *Cluster) awaitReady(ctx context.Context, unready func(context.Context)) error {
	var last error
	err := poll(ctx, startTimeout, func(ctx context.Context) (bool, error) {
		if last = c.ready(ctx); last != nil {
			unready(ctx)
		}
		return last == nil, nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}

// bePatient does nothing for a cluster that is not ready yet.
func bePatient(context.Context) {}

// ready returns nil or the first thing that is missing.
func (c *Cluster) ready(ctx context.Context) error {
	live := c.live()
	replicas := map[string]int{} // live ones, by their master's id
	shape := ""
	for _, n := range live {
		v, err := n.view(ctx)
		if err != nil {
			return err
		}
		if err := c.settled(n, v); err != nil {
			return err
		}
		if shape == "" {
			shape = v.shape()
		} else if shape != v.shape() {
			return fmt.Errorf("%s and %s see different clusters", live[0], n)
		}
		if self := v.self(); self.master != "-" {
			replicas[self.master]++
		}
	}
	for _, n := range live {
		if err := n.serves(ctx, replicas); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
	}
	return nil
}

// live are the nodes that are neither killed nor paused.
func (c *Cluster) live() []*Node {
	var live []*Node
	for _, n := range c.Nodes() {
		if !n.away.Load() {
			live = append(live, n)
		}
	}
	return live
}

// settled checks that one view knows every node by name and holds no living
// one for failed.
func (c *Cluster) settled(n *Node, v view) error {
	nodes := c.Nodes()
	if len(v) != len(nodes) {
		return fmt.Errorf("%s knows %d of %d nodes", n, len(v), len(nodes))
	}
	away := map[string]bool{}
	for _, other := range nodes {
		away[other.Addr()] = other.away.Load()
	}
	for _, m := range v {
		if m.is("handshake") || (!away[m.addr] && (m.is("fail") || m.is("fail?"))) {
			return fmt.Errorf("%s sees %s as %v", n, m.addr, m.flags)
		}
	}
	return nil
}

// serves checks one node's state, a replica's link, and that a master's write
// reaches as many replicas as live.
func (n *Node) serves(ctx context.Context, replicas map[string]int) error {
	client := redis.NewClient(n.options())
	defer client.Close()
	info, err := client.ClusterInfo(ctx).Result()
	if err != nil {
		return err
	}
	if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_slots_ok:16384") {
		return errors.New("cluster_state or slots not ok")
	}
	v, err := n.view(ctx)
	if err != nil {
		return err
	}
	self := v.self()
	if self.master != "-" {
		return linkUp(ctx, client)
	}
	if want := replicas[self.id]; want > 0 && len(self.slots) > 0 {
		return replicates(ctx, client, want)
	}
	return nil
}

func linkUp(ctx context.Context, client *redis.Client) error {
	info, err := client.Info(ctx, "replication").Result()
	if err == nil && !strings.Contains(info, "master_link_status:up") {
		err = errors.New("link to master not up")
	}
	return err
}

// replicates writes and deletes a key of one of the master's slots and waits
// for its replicas on the same connection.
func replicates(ctx context.Context, client *redis.Client, want int) error {
	conn := client.Conn()
	defer conn.Close()
	var err error
	for i := range slotCount {
		key := fmt.Sprintf("redistest-ready-%d", i)
		if err = conn.Set(ctx, key, 1, 0).Err(); err == nil {
			err = conn.Del(ctx, key).Err()
			break
		}
		if !strings.HasPrefix(err.Error(), "MOVED") {
			break
		}
	}
	if err != nil {
		return err
	}
	got, err := conn.Do(ctx, "WAIT", want, 1000).Int()
	if err == nil && got < want {
		err = fmt.Errorf("write reached %d of %d replicas", got, want)
	}
	return err
}
