package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/assignments"
	"orchestrator/internal/session"
)

// bareSession and bareNode have no more than they must.
var (
	bareSession = session.Session{ID: someID, Status: session.Active, Holder: session.Holder{Node: "node-1"}, Stamp: session.Stamp{Epoch: 1, Op: someOp}}
	bareNode    = session.Node{Holder: session.Holder{Node: "node-9"}, State: session.Dead}
)

// conforming is every use case; each answers what shows how it was called. The session "gone" is not there.
func conforming() *fake {
	told := func(s session.Session, call ...any) session.Session {
		s.Name = fmt.Sprintf("%+v", call)
		return s
	}
	node := func(call ...any) (session.Node, error) {
		n := sampleNode()
		n.Zone = fmt.Sprint(call...)
		return n, nil
	}
	return &fake{
		create: func(_ context.Context, d session.Draft, idem session.Idempotency) (session.Session, bool, error) {
			return told(sample(), d, idem), true, nil
		},
		createBatch: func(_ context.Context, drafts []session.Draft) []session.Result {
			out := make([]session.Result, len(drafts))
			for i, d := range drafts {
				if out[i].Session = told(sample(), d); d.Name == "full" {
					out[i] = session.Result{Err: &session.NoCapacityError{Used: 9, Limit: 9, Nodes: []session.PassedOver{{Node: "node-1", Reason: "full"}}}}
				}
			}
			return out
		},
		get: func(context.Context, session.ID, session.Consistency) (session.Session, error) { return sample(), nil },
		update: func(_ context.Context, _ session.ID, p session.Patch, cond session.Condition) (session.Session, error) {
			if cond.Epoch == 9 {
				return session.Session{}, &session.StaleEpochError{Given: 9, Current: 10, Owner: "node-2"}
			}
			return p.Apply(sample(), time.Unix(1_800_000_000, 0))
		},
		list: func(context.Context, session.Listing) (session.Page, error) {
			return session.Page{Sessions: []session.Session{sample(), bareSession}, Next: "next"}, nil
		},
		explain: func(context.Context, session.ID) (session.Explanation, error) { return sampleExplanation(), nil },
		dryRun: func(_ context.Context, d session.Draft) (session.DryRun, error) {
			return session.DryRun{Session: told(sample(), d), Ranking: sampleRanking()}, nil
		},
		migrate: func(_ context.Context, _ session.ID, to session.NodeID) (session.Session, error) {
			return told(sample(), to), nil
		},
		nodes: func(context.Context) ([]session.Node, error) { return []session.Node{sampleNode(), bareNode}, nil },
		node:  func(_ context.Context, id session.NodeID) (session.Node, error) { return node(id) },
		setState: func(_ context.Context, id session.NodeID, state session.NodeState) (session.Node, error) {
			return node(id, state)
		},
		assignments: func(context.Context, session.NodeID) ([]session.Assignment, error) {
			return []session.Assignment{{Session: sample()}}, nil
		},
		drain: func(_ context.Context, id session.NodeID, within time.Duration) (session.Node, error) {
			return node(id, within)
		},
		rebalance: func(context.Context, bool) (session.Rebalance, error) {
			return session.Rebalance{Moves: 1, Nodes: []session.RebalanceNode{{Node: "a", Sessions: 3, Target: 2}}, Sessions: []session.RebalanceMove{{Session: someID, From: "a"}}}, nil
		},
		cluster: func(context.Context) (session.ClusterMetrics, error) {
			return session.ClusterMetrics{Nodes: []session.Node{sampleNode(), bareNode}}, nil
		},
		local: func(context.Context) session.LocalMetrics {
			return session.LocalMetrics{Node: sampleNode(), Uptime: time.Minute, CacheHits: 1, CacheMisses: 2, LastBeatAge: 1500 * time.Microsecond}
		},
		ready: func(context.Context) []session.Check { return []session.Check{{Name: "redis"}} },
	}
}

// The same request in JSON and in MessagePack is answered the same, in JSON and in MessagePack.
func TestBothEncodingsMeanTheSame(t *testing.T) {
	t.Parallel()
	const one = "/v1/sessions/" + someID
	ack := func(id, epoch string) string {
		return `{"watcher":"w","released":[{"id":` + id + `,"epoch":` + epoch + `}]}`
	}
	for _, c := range []struct {
		target string
		bodies []string
		header []string
	}{
		{"POST /v1/sessions", []string{minimal, usual, `{}`, `[]`, `null`, `7`, with("ttl", "1800000"), with("ttl", "1.5"), with("ttl", `"soon"`), with("ttl", "null"), with("name", "null"),
			with("placement", `{"node":"n","zone":7}`), with("owner", `"n"`), with("Type", `"t"`), with("labels", `{"a":null}`), with("config", nested(MaxConfigDepth)),
			with("config", nested(MaxConfigDepth+1)), with("config", `{"a":[1,-1,0.5,1e300,null,true,{"b":[]}],"m":18446744073709551615}`),
			with("config", `{"a":`+str(session.MaxConfig)+`}`)}, []string{"Idempotency-Key", "k"}},
		{"POST /v1/sessions/batch", []string{`{"sessions":[` + usual + `,{},7,` + named("full") + `]}`, `{"sessions":[]}`, `{"sessions":7}`, `{"items":[]}`, `{}`, `[]`}, nil},
		{"POST /v1/sessions?dryRun=true", []string{minimal, usual, `{}`}, nil},
		{"GET " + one + "/explain", []string{""}, nil},
		{"PATCH " + one, []string{`{}`, `{"config":null}`, `{"config":{"model":null,"new":{"x":[1]},"tools":"none"}}`, `{"labels":{"team":null,"a":"b"}}`, `{"labels":null}`, `{"ttl":null}`,
			`{"ttl":"1h"}`, `{"ttl":3600000}`, `{"status":"failed"}`, `{"status":null}`, `{"name":3}`, `{"id":"x"}`, `[]`}, []string{"If-Match", sampleETag}},
		{"PATCH " + one, []string{`{"name":"n"}`}, []string{"Session-Epoch", "9"}},
		{"POST " + one + "/migrate", []string{"", `{}`, `{"node":"node-2"}`, `{"node":null}`, `{"node":7}`, `{"to":"x"}`, `[]`}, nil},
		{"POST /v1/nodes/node-2/drain", []string{"", `{}`, `{"deadline":"1m"}`, `{"deadline":60000}`, `{"deadline":0}`, `{"deadline":[]}`}, nil},
		{"POST /v1/nodes/node-2/cordon", []string{"", `{}`, `{"reason":"x"}`}, nil},
		{"POST /v1/nodes/node-2/uncordon", []string{"", `{}`}, nil},
		{"POST /v1/rebalance?dryRun=true", []string{"", `{}`, `{"x":1}`}, nil},
		{"POST /v1/nodes/node-1/assignments/ack", []string{ack(`"`+someID+`"`, "3"), ack(`"x"`, "3"), ack(`"`+someID+`"`, "0"), ack(`"`+someID+`"`, "1.5"), `{"watcher":7}`, `{}`}, nil},
		{"GET /v1/sessions", []string{""}, nil}, {"GET " + one, []string{""}, nil}, {"GET /v1/nodes", []string{""}, nil}, {"GET /v1/nodes/node-2", []string{""}, nil},
		{"GET /v1/nodes/node-2/assignments", []string{""}, nil}, {"GET /v1/cluster/metrics", []string{""}, nil}, {"GET /v1/local/metrics", []string{""}, nil},
		{"GET /healthz", []string{""}, nil}, {"GET /", []string{""}, nil},
		{"GET /v1/sessions/x", []string{""}, nil}, {"GET /v1/sessions?limit=0", []string{""}, nil}, {"GET /nope", []string{""}, nil}, {"PUT /v1/sessions", []string{""}, nil},
	} {
		for _, body := range c.bodies {
			packed, ok := packText(body, true)
			require.True(t, ok || body == "", body)
			headers := append([]string{"X-Request-Id", "same"}, c.header...)
			h := handlerOf(t, conformingConfig())
			want := call(t, h, c.target, body, headers...)
			for _, accept := range []string{"application/json", "application/msgpack"} {
				for mediaType, body := range map[string]string{"application/json": body, "application/x-msgpack": packed} {
					got := call(t, h, c.target, body, append(headers, "Content-Type", mediaType, "Accept", accept)...)
					requireSame(t, want, got, accept)
				}
			}
		}
	}
}

func conformingConfig() Config {
	cfg := config(conforming())
	cfg.Board = acked{cfg.Board}
	return cfg
}

// acked is a board that takes the acknowledgements of every watcher.
type acked struct{ Board }

func (acked) Ack(watcher string, released ...assignments.Released) error { return nil }

// requireSame holds that got says what want says in JSON: in MessagePack where that was accepted and the answer is no problem.
func requireSame(t *testing.T, want, got response, accept string) {
	t.Helper()
	require.Equal(t, want.status, got.status, "%s\n%s", want.body, got.body)
	for _, name := range []string{"Location", "ETag", "Session-Epoch", "Retry-After", "Vary"} {
		require.Equal(t, want.header.Get(name), got.header.Get(name), name)
	}
	if want.body == "" {
		require.Empty(t, got.body)
		return
	}
	mediaType := want.header.Get("Content-Type")
	if mediaType != "application/json" || accept == "application/json" {
		require.Equal(t, mediaType, got.header.Get("Content-Type"))
		require.Equal(t, want.body, got.body)
		return
	}
	require.Equal(t, accept, got.header.Get("Content-Type"))
	require.Equal(t, "Accept", got.header.Get("Vary"))
	require.Less(t, len(got.body), len(want.body))
	var plain any
	require.NoError(t, json.Unmarshal([]byte(want.body), &plain))
	require.Equal(t, plain, unpacked(t, got.body))
}

// A problem is JSON whatever is accepted, and so is the answer to who accepts neither encoding.
func TestJSONWhereNothingElseIsAskedFor(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, conformingConfig())
	for _, accept := range []string{"text/html", "application/msgpack;q=0", "*/*", "image/*"} {
		require.Equal(t, "application/json", call(t, h, "GET /v1/nodes", "", "Accept", accept).header.Get("Content-Type"))
	}
	call(t, h, "GET /v1/sessions/x", "", "Accept", "application/msgpack").invalid("id")
	require.Equal(t, http.StatusOK, call(t, h, "GET /readyz", "", "Accept", "application/msgpack").status)
	require.Contains(t, call(t, h, "GET /metrics", "", "Accept", "application/msgpack").header.Get("Content-Type"), "text/plain")
}
