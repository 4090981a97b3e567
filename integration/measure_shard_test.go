package integration

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
)

// A Redis master hangs, and nobody takes over: what do requests notice that need only the others?
func TestMeasureHungShard(t *testing.T) {
	skipUnlessMeasuring(t)
	c := redistest.NewCluster(t)
	f := startFleet(t, c, 3, "--rebalance-rate", "0")
	createMany(t, f.url(0), 600)
	k, err := keyspace.New(f.prefix, 256)
	if err != nil {
		t.Fatal(err)
	}
	fleet := c.MasterOf(t, keyspace.Slot(k.Nodes()))
	victim := c.MasterOf(t, (keyspace.Slot(k.Nodes())+8192)%16384)
	if victim == fleet {
		t.Fatal("no other master")
	}
	homes, copies := whereabouts(t, c, f.prefix)
	var elsewhere []string
	for id, home := range homes {
		if home != victim.Addr() && !slices.Contains(copies[id], victim.Addr()) {
			elsewhere = append(elsewhere, id)
		}
	}
	slices.Sort(elsewhere)
	var before, during []time.Duration
	for range *measureRuns {
		before = append(before, p99(t, f, elsewhere))
		hung := append(c.ReplicasOf(t, victim), victim)
		for _, n := range hung {
			n.Pause(t)
		}
		p99(t, f, elsewhere) // until it is known to hang
		during = append(during, p99(t, f, elsewhere))
		for _, n := range hung {
			n.Resume(t)
		}
		c.WaitReady(t)
	}
	slices.Sort(before)
	slices.Sort(during)
	b, d := before[len(before)/2], during[len(during)/2]
	t.Logf("figure | a Redis master hangs: p99 of requests that need only the others | runs %d | before %s | during %s | ratio %.2f",
		len(before), b.Round(time.Microsecond), d.Round(time.Microsecond), float64(d)/float64(b))
}

// p99 reads and patches sessions for two seconds, half each, and returns the 99th percentile.
func p99(t *testing.T, f fleetOf, ids []string) time.Duration {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				method, body := "GET", any(nil)
				if n%2 == 1 {
					method, body = "PATCH", fmt.Sprintf(`{"labels":{"n":"%d"}}`, n)
				}
				began := time.Now()
				a, err := try(context.WithoutCancel(ctx), method, f.url(w+n)+"/v1/sessions/"+ids[(w+4*n)%len(ids)], body)
				if err != nil || a.status != 200 {
					t.Errorf("%d %s %v", a.status, a.body, err)
					return
				}
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	return took[len(took)*99/100]
}
