package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
)

// nodeState is what the API says of a node.
type nodeState struct {
	ID, State string
	Sessions  int
	Drain     *struct {
		From, Left, HandedOver int
		Done, Overdue          bool
		Deadline               time.Time
	}
	Quarantine string
}

func stateOf(t testing.TB, url, id string) nodeState {
	t.Helper()
	return read[nodeState](t, call(t, "GET", url+"/v1/nodes/"+id, nil).want(t, 200))
}

// A drain asked for through any node moves every session of the node to others, tells how far it is, and is undone by uncordon.
func TestADrainedNodeHandsEverythingOver(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 3, "--gossip-interval", "300ms", "--rebalance-rate", "0")
		ids := createMany(t, f.url(0), 300)
		n := read[nodeState](t, call(t, "POST", f.url(0)+"/v1/nodes/node-2/drain", `{"deadline":"20s"}`).want(t, 202))
		if n.State != "draining" || n.Drain == nil || n.Drain.From != 100 || time.Until(n.Drain.Deadline) > 21*time.Second {
			t.Fatalf("%+v", n)
		}
		eventually(t, 20*time.Second, func() string {
			n = stateOf(t, f.url(2), "node-2")
			if n.Drain != nil && n.Drain.Done && n.Drain.HandedOver == 100 && n.Sessions == 0 {
				return ""
			}
			return fmt.Sprintf("%+v %+v", n, n.Drain)
		})
		all := listAll(t, f.url(0), "")
		if len(all) != len(ids) {
			t.Fatalf("%d sessions are left of %d", len(all), len(ids))
		}
		for _, s := range all {
			if s.Owner == "node-2" || s.Epoch > 2 {
				t.Fatalf("%+v", s)
			}
		}
		if c := counts(t, f.url(0)); c["node-1"] != 150 || c["node-3"] != 150 {
			t.Fatalf("counts %v", c)
		}
		createMany(t, f.url(1), 30) // the drained node still serves, and takes nothing
		if n := stateOf(t, f.url(0), "node-2"); n.Sessions != 0 {
			t.Fatalf("%+v", n)
		}
		call(t, "POST", f.url(0)+"/v1/nodes/node-2/uncordon", nil).want(t, 200)
		if n := stateOf(t, f.url(0), "node-2"); n.State != "ready" || n.Drain != nil {
			t.Fatalf("%+v", n)
		}
		createMany(t, f.url(0), 30)
		if n := stateOf(t, f.url(0), "node-2"); n.Sessions != 30 {
			t.Fatalf("%+v", n)
		}
	})
}

// A drain for which there is no room goes on trying, says that it is overdue, and ends when there is room.
func TestADrainWaitsForRoom(t *testing.T) {
	t.Parallel()
	r := redistest.Single(t)
	f := startFleet(t, r, 2, "--gossip-interval", "300ms", "--max-sessions", "30", "--rebalance-rate", "0")
	ids := createMany(t, f.url(0), 40)
	call(t, "POST", f.url(0)+"/v1/nodes/node-1/drain", `{"deadline":"1s"}`).want(t, 202)
	eventually(t, 20*time.Second, func() string {
		n := stateOf(t, f.url(1), "node-1")
		if n.Sessions == 10 && n.Drain != nil && n.Drain.Overdue && !n.Drain.Done {
			return ""
		}
		return fmt.Sprintf("%+v %+v", n, n.Drain)
	})
	for _, id := range ids {
		if a := call(t, "GET", f.url(0)+"/v1/sessions/"+id, nil).want(t, 200); read[session](t, a).Owner == "node-2" {
			call(t, "DELETE", f.url(0)+"/v1/sessions/"+id, nil).want(t, 204)
		}
	}
	eventually(t, 20*time.Second, func() string {
		if n := stateOf(t, f.url(1), "node-1"); n.Sessions > 0 || !n.Drain.Done {
			return fmt.Sprintf("%+v %+v", n, n.Drain)
		}
		return ""
	})
}

// SIGTERM hands everything over before the process ends, with exit code 0, and leaves nothing of the node in Redis but the certificate of
// its leaving, which ends by itself.
func TestATerminatedNodeLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 3, "--drain-delay", "200ms", "--gossip-interval", "300ms", "--rebalance-rate", "0")
		createMany(t, f.url(0), 300)
		f.nodes[1].Terminate(t)
		if err := f.nodes[1].Wait(t, 20*time.Second); err != nil {
			t.Fatal(err)
		}
		if left := len(listAll(t, f.url(0), "&owner=node-2")); left > 0 {
			t.Fatalf("%d sessions still belong to the node that left", left)
		}
		if c := counts(t, f.url(0)); len(c) != 2 || c["node-1"]+c["node-3"] != 300 {
			t.Fatalf("counts %v", c)
		}
		if len(f.nodes[1].Logged("left the fleet")) != 1 {
			t.Fatalf("it did not leave with nothing in hand: %q", f.nodes[1].Logged("left"))
		}
		for _, other := range []int{0, 2} {
			if lines := f.nodes[other].Logged("recovered"); len(lines) > 0 {
				t.Fatalf("somebody recovered what was handed over: %q", lines)
			}
		}
		eachKey(t, r, f.prefix, func(ctx context.Context, c *redis.Client, key string) {
			if named := strings.Contains(key, "node-2"); named && !strings.Contains(key, ":recovery:node-2/") {
				t.Errorf("%s is left behind", key)
			}
			if strings.Contains(key, ":recovery:") && c.PTTL(ctx, key).Val() <= 0 {
				t.Errorf("%s does not end by itself", key)
			}
			if members, _ := c.ZRange(ctx, key, 0, -1).Result(); strings.HasSuffix(key, "{fleet}:load") || strings.HasSuffix(key, "{fleet}:nodes") {
				for _, m := range members {
					if m == "node-2" {
						t.Errorf("%s still names the node", key)
					}
				}
			}
		})
	})
}

// A node that is alone leaves its sessions to whoever comes, and does not wait for anybody.
func TestTheLastNodeLeavesItsSessionsBehind(t *testing.T) {
	t.Parallel()
	r := redistest.Single(t)
	f := startFleet(t, r, 1, "--drain-delay", "0s", "--gossip-interval", "300ms", "--heartbeat-timeout", "1s", "--drain-timeout", "5m")
	ids := createMany(t, f.url(0), 20)
	f.nodes[0].Terminate(t)
	if err := f.nodes[0].Wait(t, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	f.nodes = append(f.nodes, startNode(t, r, f.prefix, "node-2", "--gossip-interval", "300ms", "--heartbeat-timeout", "1s"))
	eventually(t, 20*time.Second, func() string {
		if n := len(listAll(t, f.url(1), "&owner=node-2")); n < len(ids) {
			return fmt.Sprintf("%d of %d sessions are owned again", n, len(ids))
		}
		return ""
	})
}
