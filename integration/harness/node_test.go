package harness_test

import (
	"net/http"
	"testing"
	"time"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// endLimit is above the drain of a node without sessions.
const endLimit = 20 * time.Second

func TestNodeServesUntilItIsTerminated(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		node := harness.StartNode(t, harness.NodeConfig{
			ID: "a", Seeds: r.Addrs(), Flags: []string{"--prefix", redistest.Prefix(t), "--drain-delay", "100ms"},
		})
		if status, text := call(t, newClient(t), http.MethodGet, node.URL()+"/v1/nodes", nil); status != http.StatusOK {
			t.Errorf("answered %d: %s", status, text)
		}
		node.Terminate(t)
		if err := node.Wait(t, endLimit); err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestNodeThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	redistest.Single(t)
	node := harness.LaunchNode(t, harness.NodeConfig{ID: "a", Seeds: []string{"nowhere"}})
	if err := node.Wait(t, endLimit); err == nil {
		t.Error("ended without an error")
	}
	if len(node.Logged("seeds")) == 0 {
		t.Errorf("the log does not name the flag: %q", node.LogLines())
	}
}
