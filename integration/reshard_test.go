package integration

import (
	"fmt"
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

// After slots have moved so that homes and copies share a master, the sync round moves the copies; nobody notices meanwhile.
func TestCopiesMoveAwayFromHomesMaster(t *testing.T) {
	t.Parallel()
	const total = 200
	c := redistest.NewCluster(t)
	f := startFleet(t, c, 2, "--partitions", "16", "--sync-interval", "1s", "--gossip-interval", "300ms")
	ids := createMany(t, f.url(0), total)
	if bad := apart(t, c, f.prefix, total); bad != "" {
		t.Fatal(bad)
	}
	from, to := c.MasterOf(t, 16383), c.MasterOf(t, 0)
	var slots []int // those of the partitions' tags on the third master: multiples of 1024
	for _, slot := range c.Slots(t, from) {
		if slot%1024 == 0 {
			slots = append(slots, slot)
		}
	}
	c.MigrateSlots(t, from, to, slots...)
	if apart(t, c, f.prefix, total) == "" {
		t.Fatal("moving slots put no copy on its home's master: the test shows nothing")
	}
	eventually(t, 60*time.Second, func() string { return apart(t, c, f.prefix, total) })
	for i, id := range ids {
		call(t, "GET", f.url(i)+"/v1/sessions/"+id, nil).want(t, 200)
		call(t, "PATCH", f.url(i)+"/v1/sessions/"+id, `{"status":"idle"}`).want(t, 200)
	}
	eventually(t, 30*time.Second, func() string {
		m := read[struct {
			Cluster struct {
				LastSync struct{ CopiesMoved, SharedMaster, CopiesRepaired int }
			}
		}](t, call(t, "GET", f.url(0)+"/v1/local/metrics", nil).want(t, 200)).Cluster.LastSync
		if m.CopiesMoved+m.SharedMaster+m.CopiesRepaired == 0 {
			return ""
		}
		return fmt.Sprintf("the last sync round still mends: %+v", m)
	})
}
