package bench

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"orchestrator/internal/redistest"
)

// layout is a topology of Redis.
type layout struct{ masters, replicas int }

func (l layout) title() string {
	switch {
	case l.masters == 1:
		return "one server"
	case l.replicas > 0:
		return fmt.Sprintf("%d masters with a replica each", l.masters)
	}
	return fmt.Sprintf("%d masters", l.masters)
}

// place is where a fleet of two nodes is measured.
type place struct {
	id     string // within figures' ids
	site   layout
	factor int // records of a session
	groups []string
}

// has reports whether a group is measured here.
func (p place) has(group string) bool { return slices.Contains(p.groups, group) }

func (p place) title() string {
	if p.factor == 1 {
		return p.site.title() + ", factor 1"
	}
	return fmt.Sprintf("%s, factor %d", p.site.title(), p.factor)
}

var (
	one      = place{"one", layout{masters: 1}, 1, []string{"batch", "create", "read"}}
	three    = place{"three", layout{masters: 3}, 2, []string{"batch", "create", "read", "patch"}}
	replicas = place{"replicas", layout{masters: 3, replicas: 1}, 2, []string{"batch", "create"}}
	places   = []place{one, three, replicas}
)

// clusterPatience keeps a busy machine's servers from failing over to one another.
const clusterPatience = "15000" // ms

// compact is the one setting of deploy/redis/redis-cluster.conf that what is measured depends on.
var compact = redistest.Set("hash-max-listpack-value", "1024")

// start starts Redis in this layout, until the test ends.
func (l layout) start(tb testing.TB) redistest.Redis {
	tb.Helper()
	if l.masters == 1 {
		return redistest.NewServer(tb, compact)
	}
	c := redistest.NewCluster(tb, redistest.Masters(l.masters), redistest.Replicas(l.replicas), compact)
	for _, n := range c.Nodes() {
		if err := n.Admin(tb).ConfigSet(context.WithoutCancel(tb.Context()), "cluster-node-timeout", clusterPatience).Err(); err != nil {
			tb.Fatalf("bench: %v", err)
		}
	}
	return c
}
