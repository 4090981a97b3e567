package integration

import (
	"testing"
	"time"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// busyFleet is three nodes under writes on a cluster.
func busyFleet(t *testing.T, c *redistest.Cluster, sessions int, flags ...string) *load {
	t.Helper()
	return underLoad(t, startFleet(t, c, 3, append([]string{"--sync-interval", "1s", "--partitions", "64"}, flags...)...), sessions)
}

// replaced waits until another master than old serves its slots.
func replaced(t *testing.T, c *redistest.Cluster, slot int, old *redistest.Node) {
	t.Helper()
	since := time.Now()
	c.AwaitNewMaster(t, slot, old)
	t.Logf("measured Redis failover: %s", time.Since(since).Round(10*time.Millisecond))
}

// A master that was stopped, and replaced meanwhile, acknowledges what had waited in its connections and loses it: none of that was
// passed on as an acknowledgement.
func TestAPausedRedisMasterComesBack(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t)
	l := busyFleet(t, c, 120)
	victim := c.MasterOf(t, 0)
	victim.Pause(t)
	replaced(t, c, 0, victim)
	victim.Resume(t) // at once, for what waits in its connections is given up soon
	l.again(t)
	c.WaitReady(t)
	l.again(t)
	l.end(t)
	l.intact(t)
}

// A master in a minority goes on acknowledging until its node timeout, and loses that when the partition ends.
func TestARedisMasterInAMinority(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t, redistest.Proxied())
	l := busyFleet(t, c, 120)
	victim := c.MasterOf(t, 0)
	c.Isolate(t, victim)
	parted := time.After(3 * time.Second)
	replaced(t, c, 0, victim)
	<-parted
	c.Rejoin(t, victim)
	l.again(t)
	c.WaitReady(t)
	l.again(t)
	l.end(t)
	l.intact(t)
}

// A replica that had fallen behind is promoted: every session's home or copy on it goes back in time, and the other record has what
// was acknowledged since.
func TestARedisMasterIsRolledBack(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t, redistest.Proxied())
	l := busyFleet(t, c, 120)
	for _, slot := range []int{0, 16383} { // one after the other, as what is promised is the loss of one
		victim := c.MasterOf(t, slot)
		replicas := c.ReplicasOf(t, victim)
		if len(replicas) != 1 {
			t.Fatalf("%s has the replicas %v", victim, replicas)
		}
		c.Lag(t, replicas[0])
		l.again(t)
		victim.Kill(t)
		replaced(t, c, slot, victim)
		c.Rejoin(t, replicas[0])
		l.again(t)
		victim.Restart(t)
		c.WaitReady(t)
		l.again(t)
		for _, node := range l.fleet.nodes {
			awaitQuiet(t, node.URL()) // this loss is made good: the next one is another
		}
	}
	l.end(t)
	l.intact(t)
}

// A master that keeps nothing on disk is killed and comes back empty before anybody replaces it: it serves its slots without a record,
// and its replica takes that over. What lay there is made again of the other records.
func TestARedisMasterComesBackEmpty(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"of sessions", "of the fleet's own keys"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := redistest.NewCluster(t)
			l := busyFleet(t, c, 120)
			fleetSlot := int(c.Client(t).ClusterKeySlot(t.Context(), l.fleet.prefix+":{fleet}:nodes").Val())
			victim := c.MasterOf(t, fleetSlot)
			if what == "of sessions" {
				victim = c.MasterOf(t, otherSlot(t, c, fleetSlot))
			}
			for _, n := range c.Nodes() {
				if err := n.Admin(t).ConfigSet(t.Context(), "cluster-node-timeout", "60000").Err(); err != nil {
					t.Fatal(err)
				}
			}
			victim.Kill(t)
			victim.Restart(t)
			if replicas := c.ReplicasOf(t, victim); len(replicas) != 1 {
				t.Fatalf("%s came back with the replicas %v", victim, replicas)
			}
			l.again(t)
			l.again(t)
			l.end(t)
			l.intact(t)
			agrees(t, l.fleet, startNode(t, c, l.fleet.prefix, "late", "--partitions", "64"))
		})
	}
}

// agrees holds that a node that begins now reads the page tokens of those that ran before, and they its.
func agrees(t *testing.T, f fleetOf, late *harness.Process) {
	t.Helper()
	for _, way := range [][2]string{{f.url(0), late.URL()}, {late.URL(), f.url(1)}} {
		token := read[struct{ NextPageToken string }](t, call(t, "GET", way[0]+"/v1/sessions?limit=1", nil).want(t, 200)).NextPageToken
		if token == "" {
			t.Fatal("one page has all sessions")
		}
		call(t, "GET", way[1]+"/v1/sessions?limit=1&pageToken="+token, nil).want(t, 200)
	}
}
