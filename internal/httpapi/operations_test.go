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

func TestDrain(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]time.Duration{
		"": DefaultDrain, "{}": DefaultDrain, `{"deadline":null}`: DefaultDrain, `{"deadline":"5m"}`: 5 * time.Minute,
		`{"deadline":1500}`: 1500 * time.Millisecond, `{"deadline":"24h"}`: MaxDrain, `{"deadline":"1ns"}`: 1,
	} {
		h := handlerOf(t, config(&fake{drain: func(_ context.Context, id session.NodeID, within time.Duration) (session.Node, error) {
			require.Equal(t, session.NodeID("node-2"), id)
			require.Equal(t, want, within)
			n := sampleNode()
			n.State, n.Drain = session.Draining, &session.Drain{StartedAt: n.HeartbeatAt, Deadline: n.HeartbeatAt.Add(within), From: 50}
			return n, nil
		}}))
		v := call(t, h, "POST /v1/nodes/node-2/drain", body).ok(http.StatusAccepted)
		require.Equal(t, "draining", v["state"])
		require.EqualValues(t, 8, v["drain"].(map[string]any)["handedOver"])
	}
}

func TestDrainRefusesWhatItCannotMean(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{})) // which panics where it is called
	for body, field := range map[string]string{
		`{"deadline":0}`: "deadline", `{"deadline":"0s"}`: "deadline", `{"deadline":-1}`: "deadline", `{"deadline":"-5s"}`: "deadline",
		`{"deadline":"24h1ns"}`: "deadline", `{"deadline":86400001}`: "deadline", `{"deadline":9223372036854775807}`: "deadline",
		`{"deadline":18446744073709551615}`: "deadline", `{"deadline":true}`: "deadline", `{"deadline":"soon"}`: "deadline",
		`{"deadline":1.5}`: "deadline", `{"within":"30s"}`: "within", `{"deadline":"30s","deadline":"40s"}`: "deadline",
		`[]`: "body", `{`: "body",
	} {
		call(t, h, "POST /v1/nodes/node-2/drain", body).invalid(field)
	}
	call(t, h, "POST /v1/nodes/node-2/drain?force=true", "").invalid("force")
	call(t, h, "POST /v1/nodes/node-2/drain", `{"deadline":"`+strings.Repeat("1", MaxBody)+`s"}`).problem(http.StatusRequestEntityTooLarge, "too-large")
	call(t, h, "POST /v1/nodes/node-2/drain", "deadline=30s", "Content-Type", "application/x-www-form-urlencoded").
		problem(http.StatusUnsupportedMediaType, "unsupported-media-type")

	h = handlerOf(t, config(&fake{drain: func(context.Context, session.NodeID, time.Duration) (session.Node, error) {
		return session.Node{}, session.ErrNodeNotFound
	}}))
	call(t, h, "POST /v1/nodes/node-2/drain", "").problem(http.StatusNotFound, "node-not-found")
}

func TestDrainProgress(t *testing.T) {
	t.Parallel()
	n := sampleNode()
	start := n.HeartbeatAt.Add(-10 * time.Second)
	for _, c := range []struct {
		drain session.Drain
		left  int
		want  string
	}{
		{session.Drain{StartedAt: start, Deadline: n.HeartbeatAt.Add(1), From: 42}, 42,
			`{"startedAt":"2026-03-04T05:06:57.000Z","deadline":"2026-03-04T05:07:07.000Z","from":42,"left":42,"handedOver":0,"done":false,"overdue":false}`},
		{session.Drain{StartedAt: start, Deadline: n.HeartbeatAt.Add(-1), From: 42}, 2,
			`{"startedAt":"2026-03-04T05:06:57.000Z","deadline":"2026-03-04T05:07:06.999Z","from":42,"left":2,"handedOver":40,"done":false,"overdue":true}`},
		{session.Drain{StartedAt: start, Deadline: n.HeartbeatAt.Add(-1), From: 42}, 0,
			`{"startedAt":"2026-03-04T05:06:57.000Z","deadline":"2026-03-04T05:07:06.999Z","from":42,"left":0,"handedOver":42,"done":true,"overdue":false}`},
		{session.Drain{From: 1}, 3, `{"from":1,"left":3,"handedOver":0,"done":false,"overdue":false}`}, // it was given some; nobody wrote when it began
	} {
		n := n
		n.State, n.Drain, n.Sessions, n.Quarantine = session.Draining, &c.drain, c.left, "1 of 2 peers: it does not answer"
		h := handlerOf(t, config(&fake{node: func(context.Context, session.NodeID) (session.Node, error) { return n, nil }}))
		r := call(t, h, "GET /v1/nodes/node-2", "")
		require.Contains(t, r.body, `"drain":`+c.want)
		require.Equal(t, "1 of 2 peers: it does not answer", r.ok(http.StatusOK)["quarantine"])
	}
}

func TestRebalance(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]bool{"": false, "?dryRun=false": false, "?dryRun=true": true} {
		h := handlerOf(t, config(&fake{rebalance: func(_ context.Context, dryRun bool) (session.Rebalance, error) {
			require.Equal(t, want, dryRun)
			return session.Rebalance{
				Moves: 7, Nodes: []session.RebalanceNode{{Node: "node-1", Sessions: 17, Target: 10, Movable: 6}, {Node: "node-2", Sessions: 3, Target: 10}},
				Sessions: []session.RebalanceMove{{Session: someID, From: "node-1"}},
			}, nil
		}}))
		status := map[bool]int{true: http.StatusOK, false: http.StatusAccepted}[want]
		r := call(t, h, "POST /v1/rebalance"+target, "")
		v := r.ok(status)
		require.Equal(t, want, v["dryRun"])
		delete(v, "dryRun")
		require.Equal(t, map[string]any{
			"moves": 7.,
			"nodes": []any{map[string]any{"id": "node-1", "sessions": 17., "target": 10., "give": 7., "movable": 6.},
				map[string]any{"id": "node-2", "sessions": 3., "target": 10., "give": 0., "movable": 0.}},
			"sessions": []any{map[string]any{"id": someID, "from": "node-1"}},
		}, v)
	}
	h := handlerOf(t, config(&fake{rebalance: func(context.Context, bool) (session.Rebalance, error) { return session.Rebalance{}, nil }}))
	require.JSONEq(t, `{"dryRun":true,"moves":0,"nodes":[],"sessions":[]}`, call(t, h, "POST /v1/rebalance?dryRun=true", "{}").body)
}

func TestRebalanceRefusesWhatItCannotMean(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	for query, field := range map[string]string{
		"?dryRun": "dryRun", "?dryRun=": "dryRun", "?dryRun=1": "dryRun", "?dryRun=TRUE": "dryRun", "?dryRun=true&dryRun=true": "dryRun", "?dryrun=true": "dryrun",
	} {
		call(t, h, "POST /v1/rebalance"+query, "").invalid(field)
	}
	call(t, h, "POST /v1/rebalance", `{"dryRun":true}`).invalid("dryRun")
	call(t, h, "POST /v1/rebalance", `[true]`).invalid("body")
	call(t, h, "POST /v1/rebalance", strings.Repeat(" ", MaxBody+1)).problem(http.StatusRequestEntityTooLarge, "too-large")
}
