package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

func sampleNode() session.Node {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	return session.Node{
		Holder: session.Holder{Node: "node-2", Incarnation: "00112233445566aa"}, Host: "10.0.0.2", Port: 8080,
		State: session.Ready, MaxSessions: 1000, Weight: 1.5, Zone: "z1", Version: "1.2.3",
		StartedAt: at, HeartbeatAt: at.Add(time.Minute), ExpiresAt: at.Add(65 * time.Second), MemoryUsage: 1 << 20, Sessions: 42,
	}
}

const sampleNodeJSON = `{"id":"node-2","incarnation":"00112233445566aa","host":"10.0.0.2","port":8080,"state":"ready","maxSessions":1000,
	"weight":1.5,"zone":"z1","version":"1.2.3","startedAt":"2026-03-04T05:06:07.000Z","heartbeatAt":"2026-03-04T05:07:07.000Z",
	"expiresAt":"2026-03-04T05:07:12.000Z","memoryUsage":1048576,"sessions":42}`

func TestListNodes(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{nodes: func(context.Context) ([]session.Node, error) {
		return []session.Node{sampleNode(), {Holder: session.Holder{Node: "node-9"}, State: session.Dead}}, nil
	}}))
	require.JSONEq(t, `{"nodes":[`+sampleNodeJSON+`,{"id":"node-9","incarnation":"","host":"","port":0,"state":"dead","maxSessions":0,
		"weight":0,"zone":"","version":"","memoryUsage":0,"sessions":0}]}`, call(t, h, "GET /v1/nodes", "").body)

	h = handlerOf(t, config(&fake{nodes: func(context.Context) ([]session.Node, error) { return nil, nil }}))
	require.JSONEq(t, `{"nodes":[]}`, call(t, h, "GET /v1/nodes", "").body)
}

func TestGetNode(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{node: func(_ context.Context, id session.NodeID) (session.Node, error) {
		if id != "node-2" {
			return session.Node{}, session.ErrNodeNotFound
		}
		return sampleNode(), nil
	}}))
	require.JSONEq(t, sampleNodeJSON, call(t, h, "GET /v1/nodes/node-2", "").body)
	call(t, h, "GET /v1/nodes/node-7", "").problem(http.StatusNotFound, "node-not-found")
}

func TestCordonAndUncordon(t *testing.T) {
	t.Parallel()
	for verb, want := range map[string]session.NodeState{"cordon": session.Cordoned, "uncordon": session.Ready} {
		h := handlerOf(t, config(&fake{setState: func(_ context.Context, id session.NodeID, state session.NodeState) (session.Node, error) {
			require.Equal(t, session.NodeID("node-2"), id)
			require.Equal(t, want, state)
			n := sampleNode()
			n.State = state
			return n, nil
		}}))
		for _, body := range []string{"", "{}"} {
			v := call(t, h, "POST /v1/nodes/node-2/"+verb, body).ok(http.StatusOK)
			require.Equal(t, string(want), v["state"])
		}
		call(t, h, "POST /v1/nodes/node-2/"+verb, `{"reason":"x"}`).invalid("reason")
	}
}

// No use case is called with a name that no node can have: the fake would panic.
func TestNodeIDIsChecked(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	for _, id := range []string{"-a", "a%20b", "%7Bfleet%7D", "a:b", strings.Repeat("n", session.MaxNodeID+1)} {
		for _, target := range []string{"GET /v1/nodes/" + id, "POST /v1/nodes/" + id + "/cordon", "POST /v1/nodes/" + id + "/uncordon", "GET /v1/nodes/" + id + "/assignments",
			"POST /v1/nodes/" + id + "/drain"} {
			call(t, h, target, "").invalid("node")
		}
	}
}
