package redistest

import (
	"context"
	"fmt"
	"testing"
)

// MasterOf returns the master that owns the slot by its own word: of several
// that say so, as after a resumed one, the one with the highest epoch.
func (c *Cluster) MasterOf(tb testing.TB, slot int) *Node {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	var master *Node
	err := poll(ctx, startTimeout, func(ctx context.Context) (bool, error) {
		master = c.ownerOf(ctx, slot)
		return master != nil, nil
	})
	if err != nil {
		tb.Fatalf("redistest: nobody owns slot %d: %v", slot, err)
	}
	return master
}

// AwaitNewMaster waits until a node other than old serves the slot, and
// returns it.
func (c *Cluster) AwaitNewMaster(tb testing.TB, slot int, old *Node) *Node {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	var master *Node
	err := poll(ctx, startTimeout, func(ctx context.Context) (bool, error) {
		master = c.ownerOf(ctx, slot)
		return master != nil && master != old, nil
	})
	if err != nil {
		tb.Fatalf("redistest: nobody took slot %d from %s: %v", slot, old, err)
	}
	return master
}

// ownerOf asks every live node about itself alone.
func (c *Cluster) ownerOf(ctx context.Context, slot int) *Node {
	var owner *Node
	epoch := int64(-1)
	for _, n := range c.live() {
		v, err := n.view(ctx)
		if err != nil {
			continue
		}
		if self := v.self(); self.is("master") && self.owns(slot) && self.epoch > epoch {
			owner, epoch = n, self.epoch
		}
	}
	return owner
}

// ReplicasOf returns the live nodes that replicate from master.
func (c *Cluster) ReplicasOf(tb testing.TB, master *Node) []*Node {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	id := c.mustView(tb, master).self().id
	var replicas []*Node
	for _, n := range c.live() {
		if v, err := n.view(ctx); err == nil && v.self().master == id {
			replicas = append(replicas, n)
		}
	}
	return replicas
}

// Slots returns the slots that a live master owns by its own word, in order.
func (c *Cluster) Slots(tb testing.TB, n *Node) []int {
	tb.Helper()
	var slots []int
	for _, r := range c.mustView(tb, n).self().slots {
		for slot := r[0]; slot <= r[1]; slot++ {
			slots = append(slots, slot)
		}
	}
	return slots
}

func (c *Cluster) mustView(tb testing.TB, n *Node) view {
	tb.Helper()
	v, err := n.view(context.WithoutCancel(tb.Context()))
	if err != nil {
		tb.Fatalf("redistest: %s: %v", n, err)
	}
	return v
}

// AddMaster starts an empty node and has it join: a master without slots or
// scripts. It returns when every live node knows it.
func (c *Cluster) AddMaster(tb testing.TB) *Node {
	tb.Helper()
	n, err := c.addMaster(context.WithoutCancel(tb.Context()))
	if err != nil {
		tb.Fatalf("redistest: add a master: %v", err)
	}
	return n
}

func (c *Cluster) addMaster(ctx context.Context) (*Node, error) {
	known := c.live()
	n, err := launch(ctx, c.backend, fmt.Sprintf("node%d", len(c.Nodes())), &c.settings)
	if err != nil {
		return nil, err
	}
	// Listed first, so that it ends with the cluster whatever comes next.
	c.mu.Lock()
	c.nodes = append(c.nodes, n)
	c.masters++
	c.mu.Unlock()
	for _, other := range known {
		if err := other.introduceTo(ctx, n); err != nil {
			return nil, err
		}
	}
	return n, c.awaitReady(ctx, bePatient)
}
