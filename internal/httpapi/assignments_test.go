package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/assignments"
	"orchestrator/internal/session"
)

func TestAssignments(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{assignments: func(_ context.Context, id session.NodeID) ([]session.Assignment, error) {
		require.Equal(t, session.NodeID("node-1"), id)
		return []session.Assignment{{Session: sample()}}, nil
	}}))
	list := call(t, h, "GET /v1/nodes/node-1/assignments", "").ok(http.StatusOK)["assignments"].([]any)
	require.Len(t, list, 1)
	first := list[0].(map[string]any)
	require.Equal(t, someID, first["id"])
	require.EqualValues(t, 3, first["epoch"])
	require.Equal(t, "claude-code", first["session"].(map[string]any)["type"])

	h = handlerOf(t, config(&fake{assignments: func(context.Context, session.NodeID) ([]session.Assignment, error) { return nil, nil }}))
	require.JSONEq(t, `{"assignments":[]}`, call(t, h, "GET /v1/nodes/node-1/assignments", "").body)
}

// fed returns the fake's configuration with a board that tells one session and is trusted for an hour.
func fed(t *testing.T, f *fake) (Config, *assignments.Board) {
	t.Helper()
	cfg := config(f)
	board, err := assignments.New(assignments.Config{RevokeTimeout: 30 * time.Second, MaxFollowers: 2, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	cfg.Board = asItIs{board}
	self := sample().Holder
	board.Trust(self, time.Now().Add(time.Hour))
	require.True(t, board.Sync(board.Begin(), self, []session.Assignment{{Session: sample()}}))
	return cfg, board
}

func TestAnotherNodeIsNotFollowedHere(t *testing.T) {
	t.Parallel()
	cfg, _ := fed(t, &fake{node: func(_ context.Context, id session.NodeID) (session.Node, error) {
		if id != "node-2" {
			return session.Node{}, session.ErrNodeNotFound
		}
		return sampleNode(), nil
	}})
	h := handlerOf(t, cfg)
	ack := `{"watcher":"w","released":[{"id":"` + someID + `","epoch":3}]}`
	for _, ask := range []func(node string) response{
		func(node string) response {
			return call(t, h, "GET /v1/nodes/"+node+"/assignments", "", "Accept", "text/event-stream")
		},
		func(node string) response { return call(t, h, "POST /v1/nodes/"+node+"/assignments/ack", ack) },
	} {
		p := ask("node-2").problem(http.StatusMisdirectedRequest, "wrong-node")
		require.Equal(t, "10.0.0.2", p["host"])
		require.EqualValues(t, 8080, p["port"])
		require.Contains(t, p["detail"], "10.0.0.2:8080")
		ask("node-7").problem(http.StatusNotFound, "node-not-found")
		ask("-a").invalid("node")
	}
}

func TestFollowIsRefused(t *testing.T) {
	t.Parallel()
	follow := func(h http.Handler, query string) response {
		return call(t, h, "GET /v1/nodes/node-1/assignments"+query, "", "Accept", "text/event-stream")
	}
	h := handlerOf(t, config(&fake{})) // nobody feeds its board
	require.Equal(t, "1", follow(h, "").header.Get("Retry-After"))
	follow(h, "").problem(http.StatusServiceUnavailable, "store-unavailable")
	follow(h, "?watch=true").invalid("watch")

	cfg, board := fed(t, &fake{})
	h = handlerOf(t, cfg)
	for range 2 {
		f, err := board.Follow()
		require.NoError(t, err)
		defer f.Close()
	}
	r := follow(h, "")
	p := r.problem(http.StatusTooManyRequests, "rate-limited")
	require.Equal(t, []any{2., 2., "1"}, []any{p["used"], p["limit"], r.header.Get("Retry-After")})
	board.End("stopping")
	follow(h, "").problem(http.StatusServiceUnavailable, "draining")
}

func TestAckIsReadStrictly(t *testing.T) {
	t.Parallel()
	cfg, _ := fed(t, &fake{})
	h := handlerOf(t, cfg)
	const target = "POST /v1/nodes/node-1/assignments/ack"
	one := func(id, epoch string) string {
		return `{"watcher":"w","released":[{"id":"` + someID + `","epoch":1},{"id":` + id + `,"epoch":` + epoch + `}]}`
	}
	for body, field := range map[string]string{
		"": "body", "[]": "body", `{}`: "watcher", `{"watcher":7,"released":[]}`: "watcher", `{"watcher":"w"}`: "released",
		`{"watcher":"w","released":null}`: "released", `{"watcher":"w","released":[]}`: "released", `{"watcher":"w","released":{}}`: "released",
		`{"watcher":"w","released":["x"]}`: "released[0]", `{"watcher":"w","released":[null]}`: "released[0]",
		one(`"x"`, `1`): "released[1].id", one(`7`, `1`): "released[1].id", one(`null`, `1`): "released[1].id",
		one(`"`+someID+`"`, `0`): "released[1].epoch", one(`"`+someID+`"`, `-1`): "released[1].epoch", one(`"`+someID+`"`, `1.5`): "released[1].epoch",
		one(`"`+someID+`"`, `"1"`): "released[1].epoch", one(`"`+someID+`"`, `9007199254740992`): "released[1].epoch",
		one(`"`+someID+`"`, `null`):                     "released[1].epoch",
		one(`"`+someID+`"`, `1,"force":1`):              "released[1].force",
		`{"watcher":"w","released":[],"node":"node-1"}`: "node",
	} {
		call(t, h, target, body).invalid(field)
	}
	ok := one(`"`+someID+`"`, `1`)
	call(t, h, target+"?watcher=w", ok).invalid("watcher")
	call(t, h, target, ok).problem(http.StatusNotFound, "watcher-not-found")
	call(t, h, target, ok, "Content-Type", "text/plain").problem(http.StatusUnsupportedMediaType, "unsupported-media-type")
	many := strings.Repeat(`{"id":"`+someID+`","epoch":1},`, MaxReleased)
	p := call(t, h, target, `{"watcher":"w","released":[`+many+`{"id":"`+someID+`","epoch":1}]}`).problem(http.StatusRequestEntityTooLarge, "too-large")
	require.Equal(t, []any{MaxReleased + 1., float64(MaxReleased)}, []any{p["used"], p["limit"]})
	call(t, h, target, `{"watcher":"w","released":[`+strings.TrimSuffix(many, ",")+`]}`).problem(http.StatusNotFound, "watcher-not-found")
	call(t, h, target, fmt.Sprintf(`{"watcher":%q}`, strings.Repeat("w", MaxBody))).problem(http.StatusRequestEntityTooLarge, "too-large")
}

// Only who names the stream's media type is given one.
func TestWhoIsGivenAStream(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"text/event-stream": true, "Text/Event-Stream": true, "application/json, text/event-stream;q=0.5": true, "text/event-stream; charset=utf-8": true,
		"": false, "*/*": false, "text/*": false, "application/json": false, "text/event-stream;q=0": false, "text/event-stream;q=0.0, */*": false,
		"text/event-streams": false, ";;;": false,
	} {
		h := http.Header{}
		if accept != "" {
			h.Set("Accept", accept)
		}
		require.Equal(t, want, acceptsStream(h, typeEvents), accept)
	}
	cfg, _ := fed(t, &fake{assignments: func(context.Context, session.NodeID) ([]session.Assignment, error) { return nil, nil }})
	h := handlerOf(t, cfg)
	require.Equal(t, "application/json", call(t, h, "HEAD /v1/nodes/node-1/assignments", "", "Accept", "text/event-stream").header.Get("Content-Type"))
	require.Equal(t, "application/json", call(t, h, "GET /v1/nodes/node-1/assignments", "", "Accept", "*/*").header.Get("Content-Type"))
}
