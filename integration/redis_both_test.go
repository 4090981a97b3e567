package integration

import (
	"fmt"
	"testing"
	"time"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// A node and a Redis master are lost in the same moment: while Redis fails over the others can give nothing to anybody, and then every
// session of the lost node is owned again.
func TestRedisFailsOverWhileANodesSessionsAre(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"of sessions", "of the fleet's own keys"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := redistest.NewCluster(t)
			l := busyFleet(t, c, 120)
			for _, node := range l.fleet.nodes { // who has just come judges nobody
				eventually(t, 15*time.Second, func() string { return tooYoung(t, node.URL(), 6*time.Second) })
			}
			slot := int(c.Client(t).ClusterKeySlot(t.Context(), l.fleet.prefix+":{fleet}:nodes").Val())
			if what == "of sessions" {
				slot = otherSlot(t, c, slot)
			}
			dead, master := l.fleet.nodes[1], c.MasterOf(t, slot)
			orphaned := listAll(t, l.fleet.url(0), "&owner="+dead.Name())
			dead.Kill(t)
			master.Kill(t)
			killed := time.Now()
			replaced(t, c, slot, master)
			eventually(t, 45*time.Second, func() string {
				a := call(t, "GET", l.fleet.url(0)+"/v1/sessions?limit=1000&owner="+dead.Name(), nil)
				if a.status != 200 {
					return string(a.body)
				}
				if left := len(read[struct{ Sessions []session }](t, a).Sessions); left > 0 {
					return fmt.Sprintf("%d sessions still belong to the killed node", left)
				}
				return ""
			})
			t.Logf("measured until %d sessions of a killed node were owned again, a Redis master lost with it (heartbeatTimeout 5s): %s",
				len(orphaned), time.Since(killed).Round(10*time.Millisecond))
			l.again(t)
			l.end(t)
			first, third := l.fleet.nodes[0], l.fleet.nodes[2]
			l.fleet.nodes = []*harness.Process{first, third}
			l.kept(t, 0)
			for id, s := range listAll(t, l.fleet.url(0), "") {
				if _, moved := orphaned[id]; (moved && s.Epoch != 2) || (!moved && s.Epoch != 1) || s.Owner == dead.Name() {
					t.Errorf("%+v", s)
				}
			}
			line := fmt.Sprintf("recovered %d, lost 0", len(orphaned))
			eventually(t, 20*time.Second, func() string {
				if n := len(first.Logged(line)) + len(third.Logged(line)); n != 1 {
					return fmt.Sprintf("%q is logged %d times: %q %q", line, n, first.Logged("recovered"), third.Logged("recovered"))
				}
				return ""
			})
			l.atRest(t)
		})
	}
}

// otherSlot returns a slot that another master serves.
func otherSlot(t *testing.T, c *redistest.Cluster, slot int) int {
	t.Helper()
	not := c.MasterOf(t, slot)
	for other := 0; other < 16384; other += 2000 {
		if c.MasterOf(t, other) != not {
			return other
		}
	}
	t.Fatal("one master serves everything")
	return 0
}

// Two masters that hold both records of sessions go back in time at once. That such changes survive is not promised, that somebody is
// told is.
func TestBothRecordsAreRolledBack(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t, redistest.Proxied(), redistest.Masters(5))
	l := busyFleet(t, c, 120)
	homes, copies := whereabouts(t, c, l.fleet.prefix)
	pairs := map[[2]string]int{}
	for id, home := range homes {
		for _, other := range copies[id] {
			pairs[[2]string{min(home, other), max(home, other)}]++
		}
	}
	var worst [2]string
	for pair, n := range pairs {
		if n > pairs[worst] {
			worst = pair
		}
	}
	var victims []*redistest.Node
	for _, n := range c.Nodes() {
		if n.Addr() == worst[0] || n.Addr() == worst[1] {
			victims = append(victims, n)
			for _, replica := range c.ReplicasOf(t, n) {
				c.Lag(t, replica)
			}
		}
	}
	slots := []int{c.Slots(t, victims[0])[0], c.Slots(t, victims[1])[0]}
	l.again(t)
	l.end(t)
	for _, v := range victims {
		v.Kill(t)
	}
	for i, v := range victims {
		c.AwaitNewMaster(t, slots[i], v)
	}
	for _, node := range l.fleet.nodes {
		eventually(t, 30*time.Second, func() string {
			if a := call(t, "GET", node.URL()+"/readyz", nil); a.status != 200 {
				return string(a.body)
			}
			return ""
		})
	}
	lost := 0
	for i, id := range l.ids {
		s := read[session](t, call(t, "GET", l.fleet.url(i)+"/v1/sessions/"+id, nil).want(t, 200))
		if s.Labels["n"] < fmt.Sprintf("%06d", l.acknowledged[i].Load()) {
			lost++
		}
	}
	t.Logf("measured sessions that lost acknowledged changes: %d, of %d with both records on the two masters", lost, pairs[worst])
	if lost == 0 {
		t.Fatal("nothing was lost: the test shows nothing")
	}
	eventually(t, 30*time.Second, func() string { // each by the nodes that acknowledged the changes
		reported := 0
		for _, node := range l.fleet.nodes {
			reported += metric(t, node.URL(), "orchestrator_sessions_rolled_back_total")
		}
		if reported < lost {
			return fmt.Sprintf("%d sessions lost acknowledged changes, %d are reported", lost, reported)
		}
		return ""
	})
	for _, node := range l.fleet.nodes {
		awaitQuiet(t, node.URL())
	}
}
