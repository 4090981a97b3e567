package integration

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
)

// An empty master joins, without scripts, and is given slots one after the other while sessions on them are changed: no client sees it.
func TestSlotsMoveToANewRedisMasterUnderLoad(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t)
	l := busyFleet(t, c, 120, "--partitions", "16")
	joined := c.AddMaster(t)
	l.again(t)
	moved := 0
	for _, slot := range []int{0, 16383} {
		from := c.MasterOf(t, slot)
		slots := filled(t, c, from)
		slots = slots[:len(slots)/2] // of each two masters, so that homes and copies come to share the new one, and are parted again
		c.MigrateSlotsSlowly(t, from, joined, 2*time.Millisecond, slots...)
		moved += len(slots)
		l.again(t)
	}
	l.end(t)
	t.Logf("measured slots moved under load: %d", moved)
	if moved == 0 {
		t.Fatal("no slot moved: the test shows nothing")
	}
	l.flawless(t)
	l.intact(t)
}

// filled returns the slots of a master that hold keys.
func filled(t *testing.T, c *redistest.Cluster, n *redistest.Node) (slots []int) {
	t.Helper()
	all := c.Slots(t, n)
	counts, err := n.Admin(t).Pipelined(t.Context(), func(p redis.Pipeliner) error {
		for _, slot := range all {
			p.ClusterCountKeysInSlot(t.Context(), slot)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, count := range counts {
		if count.(*redis.IntCmd).Val() > 0 {
			slots = append(slots, all[i])
		}
	}
	return slots
}
