package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

const minimal = `{"type":"claude-code","name":"n","workspace":"/w"}`

func TestCreateSession(t *testing.T) {
	t.Parallel()
	var got session.Draft
	h := handlerOf(t, config(&fake{create: func(_ context.Context, d session.Draft, idem session.Idempotency) (session.Session, bool, error) {
		got = d
		require.Zero(t, idem)
		return sample(), true, nil
	}}))
	r := call(t, h, "POST /v1/sessions", `{"type":"claude-code","name":"n","workspace":"/w","config":{"a":{"b":[1,2.5,18446744073709551615]}},
		"labels":{"team":"infra","empty":""},"status":"idle","ttl":"30m","placement":{"node":"node-2","zone":"z1"},"durability":"acked"}`)
	r.ok(http.StatusCreated)
	require.Equal(t, "/v1/sessions/"+someID, r.header.Get("Location"))
	require.Equal(t, sampleETag, r.header.Get("ETag"))
	require.Equal(t, "3", r.header.Get("Session-Epoch"))
	require.Equal(t, session.Draft{
		Type: "claude-code", Name: "n", Workspace: "/w",
		Config: map[string]any{"a": map[string]any{"b": []any{int64(1), 2.5, uint64(18446744073709551615)}}},
		Labels: map[string]string{"team": "infra", "empty": ""}, Status: session.Idle, TTL: 30 * time.Minute,
		Placement: session.Placement{Node: "node-2", Zone: "z1"}, Durability: session.Acked,
	}, got)
}

func TestCreateSessionFillsDefaults(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		minimal,
		`{"type":"claude-code","name":"n","workspace":"/w","config":null,"labels":null,"status":null,"ttl":null,"placement":null,"durability":null}`,
		`{"type":"claude-code","name":"n","workspace":"/w","ttl":0,"placement":{}}`,
	} {
		var got session.Draft
		h := handlerOf(t, config(&fake{create: func(_ context.Context, d session.Draft, _ session.Idempotency) (session.Session, bool, error) {
			got = d
			return sample(), true, nil
		}}))
		call(t, h, "POST /v1/sessions", body).ok(http.StatusCreated)
		require.Equal(t, session.Draft{Type: "claude-code", Name: "n", Workspace: "/w", Status: session.Active, Durability: session.Acked}, got, body)
	}
}

func TestCreateSessionRepeatedAnswers200(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{create: func(_ context.Context, _ session.Draft, idem session.Idempotency) (session.Session, bool, error) {
		require.Equal(t, "key 1", idem.Key)
		require.Len(t, idem.Fingerprint, 64)
		return sample(), false, nil
	}}))
	r := call(t, h, "POST /v1/sessions", minimal, "Idempotency-Key", "key 1")
	require.Equal(t, someID, r.ok(http.StatusOK)["id"])
	require.Equal(t, "/v1/sessions/"+someID, r.header.Get("Location"))
	require.Equal(t, sampleETag, r.header.Get("ETag"))
}

func TestGetSessionGolden(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{get: func(context.Context, session.ID, session.Consistency) (session.Session, error) {
		return sample(), nil
	}}))
	r := call(t, h, "GET /v1/sessions/"+someID, "")
	r.ok(http.StatusOK)
	golden, err := os.ReadFile("testdata/session.json")
	require.NoError(t, err)
	require.Equal(t, string(golden), r.body)
}

func TestGetSessionShowsADurabilityThatIsNotTheUsualOne(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{get: func(context.Context, session.ID, session.Consistency) (session.Session, error) {
		s := sample()
		s.Durability = session.Fast
		return s, nil
	}}))
	require.Equal(t, "fast", call(t, h, "GET /v1/sessions/"+someID, "").ok(http.StatusOK)["durability"])
}

func TestGetSessionOfNoMoreThanItsMust(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{get: func(context.Context, session.ID, session.Consistency) (session.Session, error) {
		s := sample()
		s.Config, s.Labels, s.ExpiresAt = nil, nil, time.Time{}
		return s, nil
	}}))
	v := call(t, h, "GET /v1/sessions/"+someID, "").ok(http.StatusOK)
	require.Equal(t, map[string]any{}, v["config"])
	require.Equal(t, map[string]any{}, v["labels"])
	require.NotContains(t, v, "expiresAt")
}

func TestGetSessionConsistency(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]session.Consistency{
		"": session.Linearizable, "?consistency=linearizable": session.Linearizable, "?consistency=eventual": session.Eventual,
	} {
		h := handlerOf(t, config(&fake{get: func(_ context.Context, id session.ID, c session.Consistency) (session.Session, error) {
			require.Equal(t, session.ID(someID), id)
			require.Equal(t, want, c)
			return sample(), nil
		}}))
		call(t, h, "GET /v1/sessions/"+someID+query, "").ok(http.StatusOK)
	}
	for _, query := range []string{"?consistency=", "?consistency=strong"} {
		call(t, handlerOf(t, config(&fake{})), "GET /v1/sessions/"+someID+query, "").invalid("consistency")
	}
}

// An answer from a cache says how old it is; one that is too old for any other time than an outage says that, too.
func TestGetSessionFromACache(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		age        time.Duration
		stale      bool
		Age, Stale string
	}{{0, false, "", ""}, {300 * time.Millisecond, false, "0", ""}, {90500 * time.Millisecond, true, "90", "true"}} {
		h := handlerOf(t, config(&fake{get: func(context.Context, session.ID, session.Consistency) (session.Session, error) {
			s := sample()
			s.Age, s.Stale = c.age, c.stale
			return s, nil
		}}))
		r := call(t, h, "GET /v1/sessions/"+someID+"?consistency=eventual", "")
		require.Equal(t, []string{c.Age, c.Stale}, []string{r.header.Get("Age"), r.header.Get("X-Orchestrator-Stale")})
	}
}

func TestGetSessionIfNoneMatch(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{get: func(context.Context, session.ID, session.Consistency) (session.Session, error) {
		return sample(), nil
	}}))
	for _, match := range []string{sampleETag, "W/" + sampleETag, "*", `"other", ` + sampleETag} {
		r := call(t, h, "GET /v1/sessions/"+someID, "", "If-None-Match", match)
		require.Equal(t, http.StatusNotModified, r.status, match)
		require.Empty(t, r.body)
		require.Equal(t, sampleETag, r.header.Get("ETag"))
	}
	call(t, h, "GET /v1/sessions/"+someID, "", "If-None-Match", `"other"`).ok(http.StatusOK)
	call(t, h, "GET /v1/sessions/"+someID, "", "If-None-Match", "bare").invalid("If-None-Match")
}

func TestPatchSession(t *testing.T) {
	t.Parallel()
	for _, mediaType := range []string{"application/merge-patch+json", "application/json", "application/merge-patch+json; charset=UTF-8"} {
		h := handlerOf(t, config(&fake{update: func(_ context.Context, id session.ID, p session.Patch, cond session.Condition) (session.Session, error) {
			require.Equal(t, session.ID(someID), id)
			require.Equal(t, session.Completed, *p.Status)
			require.Equal(t, session.Condition{IfMatch: []string{"3.7." + someOp}, Epoch: 3}, cond)
			return sample(), nil
		}}))
		r := call(t, h, "PATCH /v1/sessions/"+someID, `{"status":"completed"}`,
			"Content-Type", mediaType, "If-Match", sampleETag, "Session-Epoch", "3")
		r.ok(http.StatusOK)
		require.Equal(t, sampleETag, r.header.Get("ETag"))
	}
}

func TestDeleteSession(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{remove: func(_ context.Context, id session.ID, cond session.Condition) error {
		require.Equal(t, session.ID(someID), id)
		require.Equal(t, session.Condition{IfMatch: []string{"*"}, Epoch: 9}, cond)
		return nil
	}}))
	r := call(t, h, "DELETE /v1/sessions/"+someID, "", "If-Match", "*", "Session-Epoch", "9")
	require.Equal(t, http.StatusNoContent, r.status)
	require.Empty(t, r.body)
}

func TestDeleteSessionAsItIsKnown(t *testing.T) {
	t.Parallel()
	var got session.Condition
	h := handlerOf(t, config(&fake{remove: func(_ context.Context, _ session.ID, cond session.Condition) error {
		got = cond
		return nil
	}}))
	of := func(query string) string { return "DELETE /v1/sessions/" + someID + "?" + query }
	known := session.Stamp{Epoch: 3, Version: 4, Op: contextStamp.Op}
	for query, want := range map[string]session.Condition{
		"lastMessage=17-5&contextETag=":                                         {LastMessage: &session.MessageID{Position: 17, Number: 5}, Context: &session.Stamp{}},
		"lastMessage=0-0&contextETag=" + url.QueryEscape(quote(known.String())): {LastMessage: &session.MessageID{}, Context: &known},
	} {
		require.Equal(t, http.StatusNoContent, call(t, h, of(query), "").status)
		require.Equal(t, want, got)
	}
	for query, field := range map[string]string{
		"lastMessage=": "lastMessage", "lastMessage=17": "lastMessage", "lastMessage=latest": "lastMessage", "lastMessage=1-1&lastMessage=2-2": "lastMessage",
		"contextETag=*": "contextETag", "contextETag=x": "contextETag", "contextETag=%22x%22": "contextETag", "contextETag=W/" + url.QueryEscape(quote(known.String())): "contextETag",
		"contextETag=" + url.QueryEscape(quote(known.String())+`, "x"`): "contextETag",
	} {
		call(t, h, of(query), "").invalid(field)
	}
	refusing := &session.BesideChangedError{What: "messages", Given: "1-5", Current: "2-6"}
	h = handlerOf(t, config(&fake{remove: func(context.Context, session.ID, session.Condition) error { return refusing }}))
	p := call(t, h, of("lastMessage=1-5"), "").problem(http.StatusPreconditionFailed, "version-mismatch")
	require.Equal(t, "the session's messages end with 2-6 by now, not with 1-5", p["detail"])
	require.NotContains(t, p, "currentETag")
}

func TestMigrateSession(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]session.NodeID{"": "", "{}": "", `{"node":null}`: "", `{"node":"node-2"}`: "node-2"} {
		h := handlerOf(t, config(&fake{migrate: func(_ context.Context, id session.ID, to session.NodeID) (session.Session, error) {
			require.Equal(t, session.ID(someID), id)
			require.Equal(t, want, to)
			return sample(), nil
		}}))
		r := call(t, h, "POST /v1/sessions/"+someID+"/migrate", body)
		require.Equal(t, someID, r.ok(http.StatusOK)["id"])
		require.Equal(t, sampleETag, r.header.Get("ETag"))
	}
	h := handlerOf(t, config(&fake{}))
	for body, field := range map[string]string{
		`{"node":""}`: "node", `{"node":"a b"}`: "node", `{"node":7}`: "node", `{"to":"node-2"}`: "to", `[]`: "body", `{`: "body",
	} {
		call(t, h, "POST /v1/sessions/"+someID+"/migrate", body).invalid(field)
	}
}

// No use case is called with an id that is not one: the fake would panic.
func TestSessionIDIsChecked(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	for _, id := range []string{"x", "batch", "01890A5D-AC96-774B-BCCE-B302099A8057", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "%00", "%7Bfleet%7D"} {
		for _, target := range []string{"GET /v1/sessions/" + id, "PATCH /v1/sessions/" + id, "DELETE /v1/sessions/" + id, "POST /v1/sessions/" + id + "/migrate"} {
			call(t, h, target, "").invalid("id")
		}
	}
}

func TestHeadersThatARouteCannotHonour(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	for target, headers := range map[string][]string{
		"POST /v1/sessions":                        {"If-Match", "Session-Epoch"},
		"POST /v1/sessions/batch":                  {"If-Match", "Session-Epoch", "Idempotency-Key"},
		"POST /v1/sessions/" + someID + "/migrate": {"If-Match", "Session-Epoch", "Idempotency-Key"},
		"PATCH /v1/sessions/" + someID:             {"Idempotency-Key"},
		"DELETE /v1/sessions/" + someID:            {"Idempotency-Key"},
		"PUT " + contextPath:                       {"Idempotency-Key"},
		"DELETE " + contextPath:                    {"Idempotency-Key"},
		"POST /v1/nodes/node-1/cordon":             {"If-Match", "Session-Epoch", "Idempotency-Key"},
		"POST /v1/nodes/node-1/uncordon":           {"If-Match", "Session-Epoch", "Idempotency-Key"},
		"POST /v1/nodes/node-1/drain":              {"If-Match", "Session-Epoch", "Idempotency-Key"},
		"POST /v1/nodes/node-1/assignments/ack":    {"If-Match", "Session-Epoch", "Idempotency-Key"},
		"POST /v1/rebalance":                       {"If-Match", "Session-Epoch", "Idempotency-Key"},
	} {
		for _, header := range headers {
			call(t, h, target, minimal, header, `"1"`).invalid(header)
		}
	}
}
