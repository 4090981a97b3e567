package integration

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

// A Redis master is killed under writes: every change that was acknowledged, before, during and after, is there; no session moved, no node
// was given up.
func TestAnyOneRedisMasterMayDie(t *testing.T) {
	t.Parallel()
	const total = 120
	c := redistest.NewCluster(t)
	f := startFleet(t, c, 3, "--sync-interval", "1s", "--partitions", "64")
	ids := createMany(t, f.url(0), total)
	ctx, stop := context.WithCancel(t.Context())
	acknowledged := make([]atomic.Int64, total) // by session: the last number that a patch was acknowledged for
	beyond := func(marks []int64) func() string {
		return func() string {
			for i := range acknowledged {
				if acknowledged[i].Load() <= marks[i] {
					return "session " + ids[i] + " was not written again"
				}
			}
			return ""
		}
	}
	var refused sync.Map
	var wg sync.WaitGroup
	for w := range 4 { // each writes its own sessions, so that the last acknowledged number must stand
		wg.Go(func() {
			for n := 1; ctx.Err() == nil; n++ {
				for i := w; i < total && ctx.Err() == nil; i += 4 {
					a, err := try(ctx, "PATCH", f.url(i+n)+"/v1/sessions/"+ids[i], fmt.Sprintf(`{"labels":{"n":"%06d"}}`, n))
					if err == nil && a.status == 200 {
						acknowledged[i].Store(int64(n))
					} else if ctx.Err() == nil {
						refused.Store(fmt.Sprint(a.status, string(a.body), err), true)
					}
				}
			}
		})
	}
	eventually(t, 30*time.Second, beyond(make([]int64, total)))
	killed := time.Now()
	victim := c.MasterOf(t, 0)
	victim.Kill(t)
	c.AwaitNewMaster(t, 0, victim)
	t.Logf("a replica took over %s after the kill", time.Since(killed).Round(10*time.Millisecond))
	marks := make([]int64, total)
	for i := range marks {
		marks[i] = acknowledged[i].Load()
	}
	eventually(t, 30*time.Second, beyond(marks))
	stop()
	wg.Wait()
	refused.Range(func(why, _ any) bool { t.Logf("answered while the master was gone: %.200s", why); return true })
	for i, id := range ids {
		s := read[session](t, call(t, "GET", f.url(i)+"/v1/sessions/"+id, nil).want(t, 200))
		if want := fmt.Sprintf("%06d", acknowledged[i].Load()); s.Labels["n"] < want {
			t.Errorf("session %s has %q, %q was acknowledged", id, s.Labels["n"], want)
		}
		if s.Epoch != 1 {
			t.Errorf("session %s moved: %+v", id, s)
		}
	}
	for _, node := range f.nodes {
		awaitNodes(t, node.URL(), 3)
	}
	if all := listAll(t, f.url(1), ""); len(all) != total {
		t.Fatalf("%d sessions are listed", len(all))
	}
	for i := range 30 {
		call(t, "POST", f.url(i)+"/v1/sessions", draft(fmt.Sprint("after", i))).want(t, 201)
	}
}
