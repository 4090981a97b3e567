package clientsuite

import (
	"testing"

	"orchestrator/client"
)

func cordon(t *testing.T, s suite) {
	id := must(s.c.Nodes(t.Context()))(t)[0].ID
	if n := must(s.c.Cordon(t.Context(), id))(t); n.State != client.Cordoned {
		t.Fatalf("%+v", n)
	}
	if n := must(s.c.Uncordon(t.Context(), id))(t); n.State != client.Ready {
		t.Fatalf("%+v", n)
	}
	if n := must(s.c.Node(t.Context(), id))(t); n.ID != id || n.MaxSessions == 0 || n.ExpiresAt.Before(n.HeartbeatAt) {
		t.Fatalf("%+v", n)
	}
}

func metrics(t *testing.T, s suite) {
	m := must(s.c.ClusterMetrics(t.Context()))(t)
	if m.TotalNodes < 2 || len(m.NodeDetails) != m.TotalNodes || m.HealthyNodes != m.TotalNodes || m.NodeDetails[0].LastHeartbeat.IsZero() {
		t.Fatalf("%+v", m)
	}
}

func local(t *testing.T, s suite) {
	m := must(s.c.LocalMetrics(t.Context()))(t)
	if m.Node.ID == "" || m.Uptime <= 0 || m.HeapBytes == 0 || !m.Trusted || m.LiveNodes < 2 {
		t.Fatalf("%+v", m)
	}
}

func rebalance(t *testing.T, s suite) {
	r := must(s.c.Rebalance(t.Context(), true))(t)
	if !r.DryRun || len(r.Nodes) < 2 {
		t.Fatalf("%+v", r)
	}
}
