package integration

import (
	"fmt"
	"testing"
	"time"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// A node that beats, but whose peers do not reach it where it says it is, gets no new sessions, keeps what it has, and says so.
func TestANodeThatCannotServeIsQuarantined(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 2, "--gossip-interval", "300ms", "--rebalance-rate", "0")
		lost := harness.StartNode(t, harness.NodeConfig{ID: "node-3", Seeds: r.Addrs(),
			Flags: []string{"--prefix", f.prefix, "--gossip-interval", "300ms", "--rebalance-rate", "0", "--advertised-host", "127.0.0.99"}})
		eventually(t, 30*time.Second, func() string {
			if n := stateOf(t, f.url(0), "node-3"); n.Quarantine == "" || n.State != "ready" {
				return fmt.Sprintf("%+v", n)
			}
			return ""
		})
		createMany(t, f.url(0), 40)
		createMany(t, lost.URL(), 40) // it can still be asked
		if c := counts(t, f.url(0)); c["node-3"] > 0 || c["node-1"]+c["node-2"] != 80 {
			t.Fatalf("counts %v", c)
		}
		for id := range listAll(t, f.url(0), "&owner=node-1") {
			p := read[problem](t, call(t, "POST", f.url(1)+"/v1/sessions/"+id+"/migrate", `{"node":"node-3"}`).want(t, 503))
			if p.Code != "no-capacity" {
				t.Fatalf("%+v", p)
			}
			break
		}
		eventually(t, 10*time.Second, func() string {
			if len(lost.Logged("in quarantine")) == 1 && metric(t, lost.URL(), "orchestrator_quarantined") == 1 {
				return ""
			}
			return fmt.Sprintf("it says %q", lost.Logged("quarantine"))
		})
	})
}
