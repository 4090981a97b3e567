package clienttest

import (
	"maps"
	"net/http"
	"slices"

	"orchestrator/client"
)

// show returns the node as the API shows it.
func (n *node) show() client.Node {
	v := n.view
	v.Sessions = n.fleet.count(v.ID)
	v.HeartbeatAt = now()
	v.ExpiresAt = v.HeartbeatAt.Add(n.fleet.Validity)
	return v
}

func (f *Fleet) allNodes() []client.Node {
	all := []client.Node{}
	for _, id := range slices.Sorted(maps.Keys(f.nodes)) {
		all = append(all, f.nodes[id].show())
	}
	return all
}

func (n *node) other(r *http.Request) (*node, *problem) {
	if other := n.fleet.nodes[r.PathValue("id")]; other != nil {
		return other, nil
	}
	return nil, refuse(http.StatusNotFound, "node-not-found", "no node of this name is registered")
}

func (n *node) listNodes(w http.ResponseWriter, _ *http.Request) *problem {
	return reply(w, http.StatusOK, map[string]any{"nodes": n.fleet.allNodes()})
}

func (n *node) getNode(w http.ResponseWriter, r *http.Request) *problem {
	other, p := n.other(r)
	if p != nil {
		return p
	}
	return reply(w, http.StatusOK, other.show())
}

func (n *node) setState(state client.NodeState) handler {
	return func(w http.ResponseWriter, r *http.Request) *problem {
		other, p := n.other(r)
		if p != nil {
			return p
		}
		other.view.State = state
		n.fleet.tell(client.Event{Type: "node." + string(state), Node: other.view.ID})
		return reply(w, http.StatusOK, other.show())
	}
}

func (n *node) clusterMetrics(w http.ResponseWriter, _ *http.Request) *problem {
	m := client.ClusterMetrics{TotalSessions: len(n.fleet.sessions)}
	for _, v := range n.fleet.allNodes() {
		m.TotalNodes++
		m.HealthyNodes++
		m.NodeDetails = append(m.NodeDetails, client.NodeDetail{ID: v.ID, Status: v.State, Sessions: v.Sessions, LastHeartbeat: v.HeartbeatAt,
			MaxSessions: v.MaxSessions, Weight: v.Weight})
	}
	m.AverageSessionsPerNode = float64(m.TotalSessions) / float64(m.TotalNodes)
	return reply(w, http.StatusOK, m)
}
