package integration

import (
	"fmt"
	"testing"
	"time"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// fleetOf is a running fleet of the built program.
type fleetOf struct {
	prefix string
	nodes  []*harness.Process
	proxy  *harness.HAProxy // nil unless asked for
}

// url returns the address of a node, in turn.
func (f fleetOf) url(i int) string { return f.nodes[i%len(f.nodes)].URL() }

// startFleet starts n nodes on r under a prefix of their own, with the flags added.
func startFleet(t testing.TB, r redistest.Redis, n int, flags ...string) fleetOf {
	t.Helper()
	f := fleetOf{prefix: redistest.Prefix(t)}
	for i := range n {
		f.nodes = append(f.nodes, startNode(t, r, f.prefix, fmt.Sprint("node-", i+1), flags...))
	}
	for _, node := range f.nodes {
		awaitNodes(t, node.URL(), n)
	}
	return f
}

func startNode(t testing.TB, r redistest.Redis, prefix, id string, flags ...string) *harness.Process {
	t.Helper()
	return harness.StartNode(t, harness.NodeConfig{ID: id, Seeds: r.Addrs(), Flags: append([]string{"--prefix", prefix}, flags...)})
}

// awaitNodes waits until the node at url sees n live nodes.
func awaitNodes(t testing.TB, url string, n int) {
	t.Helper()
	eventually(t, 10*time.Second, func() string {
		live := read[struct{ Cluster struct{ LiveNodes int } }](t, call(t, "GET", url+"/v1/local/metrics", nil).want(t, 200)).Cluster.LiveNodes
		if live == n {
			return ""
		}
		return fmt.Sprintf("%s sees %d live nodes, want %d", url, live, n)
	})
}

// behindProxy puts HAProxy before the fleet's nodes.
func (f *fleetOf) behindProxy(t testing.TB) string {
	t.Helper()
	addrs := make([]string, len(f.nodes))
	for i, node := range f.nodes {
		addrs[i] = node.Addr()
	}
	f.proxy = harness.StartHAProxy(t, addrs)
	f.proxy.WaitUp(t, len(f.nodes), 20*time.Second)
	return f.proxy.URL()
}
