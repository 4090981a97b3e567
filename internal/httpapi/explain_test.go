package httpapi

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

func sampleRanking() session.Ranking {
	return session.Ranking{Strategy: "least-connections", Wanted: session.Placement{Zone: "z1"}, Chosen: session.Holder{Node: "node-1"}, Candidates: []session.Candidate{
		{Node: "node-1", Sessions: 3, MaxSessions: 10, Weight: 2, Takes: true, Score: 1.5},
		{Node: "node-2", Sessions: 10, MaxSessions: 10, Weight: 1, Takes: true, Score: 10, PassedOver: "is full: 10 of 10 sessions"},
	}}
}

func sampleExplanation() session.Explanation {
	s := sample()
	return session.Explanation{
		Session: s, Partition: 66, Lease: &session.Tenure{Value: s.Lease(), Ends: 21_500_400 * time.Microsecond}, Ranking: sampleRanking(),
		Records: []session.Site{
			{Role: session.RoleHome, Key: "orch:{p}:session:" + someID, Slot: 4242, Master: "10.0.0.1:7000", Host: "10.0.0.1", Stamp: s.Stamp, Agrees: true, WrittenAt: s.UpdatedAt},
			{Role: session.RoleCopy, Key: "orch:{c}:copy:" + someID, Slot: 9, Master: "10.0.0.2:7000", Host: "10.0.0.2", Unread: "its master did not answer"},
		},
	}
}

func TestExplainSession(t *testing.T) {
	t.Parallel()
	e := sampleExplanation()
	h := handlerOf(t, config(&fake{explain: func(_ context.Context, id session.ID) (session.Explanation, error) {
		require.EqualValues(t, someID, id)
		return e, nil
	}}))
	require.JSONEq(t, `{"session":"`+someID+`","owner":"node-1","incarnation":"00112233445566aa","epoch":3,"version":7,"ownedSince":"2026-03-04T04:06:08.089Z","partition":66,
		"lease":{"holder":"node-1/00112233445566aa/3","endsIn":"21.5s"},
		"records":[
			{"role":"home","key":"orch:{p}:session:`+someID+`","slot":4242,"master":"10.0.0.1:7000","host":"10.0.0.1","stamp":"3.7.`+someOp+`","agrees":true,"writtenAt":"2026-03-04T04:07:07.089Z"},
			{"role":"copy","key":"orch:{c}:copy:`+someID+`","slot":9,"master":"10.0.0.2:7000","host":"10.0.0.2","agrees":false,"unread":"its master did not answer"}],
		"colocated":false,
		"placement":{"strategy":"least-connections","wanted":{"zone":"z1"},"candidates":[
			{"node":"node-1","score":1.5,"sessions":3,"maxSessions":10,"weight":2,"takes":true},
			{"node":"node-2","score":10,"sessions":10,"maxSessions":10,"weight":1,"takes":true,"passedOver":"is full: 10 of 10 sessions"}]}}`,
		call(t, h, "GET /v1/sessions/"+someID+"/explain", "").body)
	e = session.Explanation{Session: bareSession}
	v := call(t, h, "GET /v1/sessions/"+someID+"/explain", "").ok(http.StatusOK)
	require.Equal(t, []any{}, v["records"])
	require.Equal(t, map[string]any{"strategy": "", "candidates": []any{}}, v["placement"])
	for _, absent := range []string{"lease", "ownedSince", "events"} {
		require.NotContains(t, v, absent)
	}
}

func TestAnExplanationEndsWithTheLastEvents(t *testing.T) {
	t.Parallel()
	all := []session.Event{{ID: "p17:1700000000000-3", Type: session.SessionMoved, Time: time.Unix(1_700_000_000, 0), Session: someID, Node: "node-2", Epoch: 3, Reason: "drain"}}
	h := handlerOf(t, config(&fake{
		explain: func(context.Context, session.ID) (session.Explanation, error) { return sampleExplanation(), nil },
		recent: func(_ context.Context, id session.ID, limit int) ([]session.Event, error) {
			require.EqualValues(t, someID, id)
			require.Equal(t, ExplainedEvents, limit)
			return all, nil
		},
	}))
	for _, accept := range []string{"application/json", "application/msgpack"} {
		require.Equal(t, http.StatusOK, call(t, h, "GET /v1/sessions/"+someID+"/explain", "", "Accept", accept).status)
	}
	v := call(t, h, "GET /v1/sessions/"+someID+"/explain", "").ok(http.StatusOK)
	require.Equal(t, "session.moved", v["events"].([]any)[0].(map[string]any)["type"])
	all = nil
	require.Equal(t, []any{}, call(t, h, "GET /v1/sessions/"+someID+"/explain", "").ok(http.StatusOK)["events"])
}

func TestExplainSessionRefuses(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{explain: func(context.Context, session.ID) (session.Explanation, error) {
		return session.Explanation{}, session.ErrNotFound
	}}))
	call(t, h, "GET /v1/sessions/"+someID+"/explain", "").problem(http.StatusNotFound, "session-not-found")
	call(t, h, "GET /v1/sessions/x/explain", "").invalid("id")
	call(t, h, "GET /v1/sessions/"+someID+"/explain?consistency=eventual", "").invalid("consistency")
	call(t, h, "POST /v1/sessions/"+someID+"/explain", "").problem(http.StatusMethodNotAllowed, "method-not-allowed")
}

func TestDryRunOfACreate(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{dryRun: func(_ context.Context, d session.Draft) (session.DryRun, error) {
		if d.Name == "full" {
			return session.DryRun{}, &session.NoCapacityError{Used: 9, Limit: 9, Nodes: []session.PassedOver{{Node: "node-1", Reason: "is full"}}}
		}
		require.Equal(t, "30m0s", d.TTL.String())
		return session.DryRun{Session: sample(), Ranking: sampleRanking()}, nil
	}}))
	const target = "POST /v1/sessions?dryRun=true"
	r := call(t, h, target, with("ttl", `"30m"`))
	v := r.ok(http.StatusOK)
	require.Equal(t, true, v["dryRun"])
	require.Len(t, v, 3)
	require.Equal(t, "node-1", v["session"].(map[string]any)["owner"])
	require.Len(t, v["placement"].(map[string]any)["candidates"], 2)
	for _, name := range []string{"Location", "ETag", "Session-Epoch"} {
		require.Empty(t, r.header.Get(name), "nothing was made")
	}
	require.Equal(t, "is full", call(t, h, target, named("full")).problem(http.StatusServiceUnavailable, "no-capacity")["nodes"].([]any)[0].(map[string]any)["reason"])

	call(t, h, target, minimal, "Idempotency-Key", "k").invalid("Idempotency-Key")
	call(t, h, target, minimal, "If-Match", sampleETag).invalid("If-Match")
	call(t, h, target, `{"type":"t","name":"n"}`).invalid("workspace")
	for _, value := range []string{"", "yes", "1", "True"} {
		call(t, h, "POST /v1/sessions?dryRun="+value, minimal).invalid("dryRun")
	}
	call(t, h, "POST /v1/sessions?dryRun=true&dryRun=true", minimal).invalid("dryRun")
	call(t, h, "POST /v1/sessions/batch?dryRun=true", `{"sessions":[]}`).invalid("dryRun")
}

// dryRun=false is a create like any other.
func TestNoDryRun(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{create: func(context.Context, session.Draft, session.Idempotency) (session.Session, bool, error) {
		return sample(), true, nil
	}}))
	require.Equal(t, sampleETag, call(t, h, "POST /v1/sessions?dryRun=false", minimal).header.Get("ETag"))
}
