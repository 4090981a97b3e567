package integration

import (
	"fmt"
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

// Leases outlive their time to live by renewal, and a lease key that Redis lost is written again.
func TestLeasesAreRenewed(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 2, "--heartbeat-timeout", "1s", "--gossip-interval", "300ms", "--lease-ttl", "3s")
		ids := createMany(t, f.url(0), 40)
		c := r.Client(t)
		leaseOf := func(id string) string {
			return homeKey(t, r, f.prefix, id)[:len(homeKey(t, r, f.prefix, id))-len("session:"+id)] + "lease:" + id
		}
		lost := leaseOf(ids[0])
		was := c.Get(t.Context(), lost).Val()
		if err := c.Del(t.Context(), lost).Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, func() string {
			if now := c.Get(t.Context(), lost).Val(); now != was {
				return fmt.Sprintf("the lost lease holds %q, was %q", now, was)
			}
			return ""
		})
		born := time.Now()
		eventually(t, 20*time.Second, func() string {
			held := 0
			for i := range 2 {
				m := read[struct{ Sessions struct{ LocalSessions int } }](t, call(t, "GET", f.url(i)+"/v1/local/metrics", nil).want(t, 200))
				held += m.Sessions.LocalSessions
			}
			if held != 40 || time.Since(born) < 4*time.Second {
				return fmt.Sprintf("%d leases were renewed in the last rounds, want 40, for longer than a lease lasts", held)
			}
			return ""
		})
		for _, id := range ids {
			if c.Exists(t.Context(), leaseOf(id)).Val() != 1 {
				t.Fatalf("session %s has no lease", id)
			}
		}
		for id, s := range listAll(t, f.url(0), "") {
			if s.Epoch != 1 {
				t.Fatalf("%s has moved: %+v", id, s)
			}
		}
	})
}
