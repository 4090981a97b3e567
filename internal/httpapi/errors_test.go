package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

func TestErrorsBecomeProblems(t *testing.T) {
	t.Parallel()
	secret := errors.New("dial tcp 10.0.0.7:6379: secret")
	for _, c := range []struct {
		err     error
		status  int
		code    string
		retry   string
		members map[string]any
	}{
		{session.Invalid("ttl", "is odd"), 400, "invalid-request", "", map[string]any{"field": "ttl", "detail": "ttl is odd"}},
		{&session.TooLargeError{Thing: "record", Used: 9, Limit: 8}, 413, "too-large", "", map[string]any{"used": 9., "limit": 8.}},
		{session.ErrNotFound, 404, "session-not-found", "", nil},
		{session.ErrNodeNotFound, 404, "node-not-found", "", nil},
		{session.ErrWatcherNotFound, 404, "watcher-not-found", "", nil},
		{&session.LimitError{Thing: "followers", Used: 16, Limit: 16}, 429, "rate-limited", "1", map[string]any{"used": 16., "limit": 16.}},
		{&session.StaleEpochError{Given: 1, Current: 4, Owner: "node-2"}, 409, "stale-epoch", "", map[string]any{"currentEpoch": 4., "owner": "node-2"}},
		{&session.VersionMismatchError{Given: `"1.1.a"`, Current: "1.2.b"}, 412, "version-mismatch", "", map[string]any{"currentETag": `"1.2.b"`}},
		{&session.VersionMismatchError{Given: `"1.1.a"`, Current: `"1.2.b"`}, 412, "version-mismatch", "", map[string]any{"currentETag": `"1.2.b"`}},
		{&session.VersionMismatchError{Given: `"1.1.a"`, Current: "-"}, 412, "version-mismatch", "", map[string]any{"currentETag": nil}},
		{&session.HeldError{Holder: session.Holder{Node: "node-3"}, Epoch: 5, For: 1200 * time.Millisecond}, 409, "lease-held", "2",
			map[string]any{"owner": "node-3", "currentEpoch": 5., "remainingMs": 1200.}},
		{&session.HeldError{For: -time.Second}, 409, "lease-held", "1", map[string]any{"remainingMs": nil}},
		{session.ErrLeaseLost, 409, "lease-held", "1", nil},
		{session.ErrIdempotencyMismatch, 422, "idempotency-mismatch", "", nil},
		{&session.NoCapacityError{Used: 300, Limit: 300, Nodes: []session.PassedOver{{Node: "node-1", Reason: "full"}}}, 503, "no-capacity", "5",
			map[string]any{"used": 300., "limit": 300., "nodes": []any{map[string]any{"node": "node-1", "reason": "full"}}}},
		{&session.NoCapacityError{}, 503, "no-capacity", "5", map[string]any{"used": 0., "limit": 0., "detail": "no node is registered"}},
		{&session.UnavailableError{Reason: "redis is out of memory", Err: secret}, 503, "store-unavailable", "1",
			map[string]any{"detail": "the store is unavailable: redis is out of memory"}},
		{&session.UnavailableError{Reason: "node-2 was too slow", Err: secret, HandOver: true}, 503, "store-unavailable", "1", map[string]any{"detail": "node-2 was too slow"}},
		{session.ErrFenced, 503, "store-unavailable", "1", nil},
		{session.ErrUnknownOutcome, 503, "store-unavailable", "1", map[string]any{"detail": unknownOutcome}},
		{errors.Join(secret, session.ErrUnknownOutcome, &session.UnavailableError{Reason: "gone"}), 503, "store-unavailable", "1", map[string]any{"detail": unknownOutcome}},
		{session.ErrDraining, 503, "draining", "1", nil},
		{&session.CorruptError{Key: "orch:{p0}:session:x", Reason: "unknown format 9"}, 500, "unreadable-record", "",
			map[string]any{"key": "orch:{p0}:session:x", "reason": "unknown format 9"}},
		{context.DeadlineExceeded, 503, "store-unavailable", "1", nil},
		{context.Canceled, 503, "store-unavailable", "1", nil}, // not the caller's doing: its connection stands
		{secret, 500, "internal", "", nil},
	} {
		for _, err := range []error{c.err, fmt.Errorf("update session: %w", c.err)} {
			h := handlerOfAnyProblem(t, config(&fake{remove: func(context.Context, session.ID, session.Condition) error { return err }}))
			r := call(t, h, "DELETE /v1/sessions/"+someID, "")
			p := r.problem(c.status, c.code)
			require.Equal(t, c.retry, r.header.Get("Retry-After"), "%v", err)
			require.NotContains(t, r.body, "secret")
			for member, want := range c.members {
				require.Equal(t, want, p[member], "%v: %s", err, member)
			}
		}
	}
}

// Whether a request that ran out of time may have changed something is told to those alone who asked for a change.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	wait := func(ctx context.Context) error { <-ctx.Done(); return fmt.Errorf("redis: %w", ctx.Err()) }
	cfg := config(&fake{
		get: func(ctx context.Context, _ session.ID, _ session.Consistency) (session.Session, error) {
			return session.Session{}, wait(ctx)
		},
		remove: func(ctx context.Context, _ session.ID, _ session.Condition) error { return wait(ctx) },
	})
	cfg.RequestTimeout = time.Millisecond
	h := handlerOf(t, cfg)
	p := call(t, h, "GET /v1/sessions/"+someID, "").problem(503, "store-unavailable")
	require.NotContains(t, p["detail"], "may or may not")
	p = call(t, h, "DELETE /v1/sessions/"+someID, "").problem(503, "store-unavailable")
	require.Contains(t, p["detail"], "may or may not")
}

func TestUnknownRoutesAndMethods(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	for _, target := range []string{
		"GET /nope", "GET /v1", "GET /v1/sessions/", "GET /v1/nodes/", "POST /v1/sessions/" + someID + "/letters",
		"POST /v1/nodes/node-1/follow", "GET /openapi", "GET //v1/sessions", "GET /v1/sessions/a%2Fb",
		"GET /" + strings.Repeat("x", 4000),
	} {
		r := call(t, h, target, "")
		r.problem(http.StatusNotFound, "not-found")
		require.Less(t, len(r.body), 1000)
	}
	for target, allow := range map[string]string{
		"PUT /v1/sessions":                        "GET, HEAD, POST",
		"PUT /v1/sessions/" + someID:              "DELETE, GET, HEAD, PATCH",
		"GET /v1/nodes/node-1/cordon":             "POST",
		"GET /v1/nodes/node-1/drain":              "POST",
		"GET /v1/rebalance":                       "POST",
		"GET /v1/nodes/node-1/assignments/ack":    "POST",
		"POST /v1/nodes/node-1/assignments":       "GET, HEAD",
		"POST /v1/nodes":                          "GET, HEAD",
		"DELETE /":                                "GET, HEAD",
		"OPTIONS /livez":                          "GET, HEAD",
		"BREW /v1/sessions":                       "GET, HEAD, POST",
		"GET /v1/sessions/" + someID + "/migrate": "POST",
	} {
		r := call(t, h, target, "")
		r.problem(http.StatusMethodNotAllowed, "method-not-allowed")
		require.ElementsMatch(t, strings.Split(allow, ", "), strings.Split(r.header.Get("Allow"), ", "), target)
	}
}

func TestDetailsAreBounded(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	long := strings.Repeat("é", 50_000)
	for _, body := range []string{with("status", `"`+long+`"`), with(long, `1`), with("labels", `{"`+long+`":1}`), with("config", `{"`+long+`":1e999}`)} {
		r := call(t, h, "POST /v1/sessions", body)
		r.problem(http.StatusBadRequest, "invalid-request")
		require.Less(t, len(r.body), 2000)
	}
}
