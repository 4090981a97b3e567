package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

func TestHeadersOfEveryResponse(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(creating()))
	for _, r := range []response{
		call(t, h, "POST /v1/sessions", minimal), call(t, h, "POST /v1/sessions", "{"), call(t, h, "GET /v1/nodes", ""), // the last panics
		call(t, h, "GET /nope", ""), call(t, h, "PUT /v1/sessions", ""), call(t, h, "GET /livez", ""), call(t, h, "GET /metrics", ""),
	} {
		require.Equal(t, "node-1", r.header.Get("X-Orchestrator-Node"))
		require.Equal(t, "no-store", r.header.Get("Cache-Control"))
		require.Equal(t, "nosniff", r.header.Get("X-Content-Type-Options"))
		require.Regexp(t, `^[A-Z2-7]{26}$`, r.header.Get("X-Request-Id"))
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	for _, good := range []string{"a", "A.b_c-9", strings.Repeat("x", MaxRequestID)} {
		require.Equal(t, good, call(t, h, "GET /livez", "", "X-Request-Id", good).header.Get("X-Request-Id"))
	}
	for _, bad := range []string{"", "a b", "a\"b", "é", "a/b", strings.Repeat("x", MaxRequestID+1)} {
		got := call(t, h, "GET /livez", "", "X-Request-Id", bad).header.Get("X-Request-Id")
		require.NotEqual(t, bad, got)
		require.True(t, validRequestID(got))
	}
}

// logged returns a configuration that logs to lines.
func logged(f *fake, level slog.Level) (cfg Config, lines func() []map[string]any) {
	var out bytes.Buffer
	cfg = config(f)
	cfg.Log = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: level}))
	return cfg, func() (all []map[string]any) {
		for line := range strings.Lines(out.String()) {
			var v map[string]any
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				panic(err)
			}
			all = append(all, v)
		}
		return all
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	cause := errors.New("dial tcp: refused")
	cfg, lines := logged(&fake{get: func(context.Context, session.ID, session.Consistency) (session.Session, error) {
		return session.Session{}, &session.UnavailableError{Reason: "redis does not answer", Err: cause}
	}}, slog.LevelDebug)
	h := handlerOf(t, cfg)
	call(t, h, "GET /livez", "", "X-Request-Id", "one")
	call(t, h, "GET /v1/sessions/x", "")
	call(t, h, "GET /v1/sessions/"+someID, "")
	all := lines()
	require.Len(t, all, 3)
	require.Equal(t, []any{"DEBUG", "INFO", "WARN"}, []any{all[0]["level"], all[1]["level"], all[2]["level"]})
	require.Equal(t, "one", all[0]["requestId"])
	require.Equal(t, "/livez", all[0]["route"])
	require.EqualValues(t, 2, all[0]["bytes"])
	require.Equal(t, "/v1/sessions/{id}", all[2]["route"])
	require.Equal(t, "/v1/sessions/"+someID, all[2]["path"])
	require.EqualValues(t, 503, all[2]["status"])
	require.Contains(t, all[2]["error"], "dial tcp: refused") // which the answer does not hold
}

// What the server itself has to say goes where everything does.
func TestTheServersOwnErrorsAreLogged(t *testing.T) {
	t.Parallel()
	cfg, lines := logged(&fake{}, slog.LevelInfo)
	Server("", handlerOf(t, cfg)).ErrorLog.Print("http: Accept error: too many open files")
	all := lines()
	require.Len(t, all, 1)
	require.Equal(t, []any{"WARN", "http: Accept error: too many open files"}, []any{all[0]["level"], all[0]["msg"]})
}

// The log has whoever connected and, where a trusted proxy did, for whom.
func TestAccessLogNamesTheClient(t *testing.T) {
	t.Parallel()
	cfg, lines := logged(&fake{}, slog.LevelDebug)
	cfg.TrustedProxies = []string{"192.0.2.1"} // as httptest connects
	h := handlerOf(t, cfg)
	call(t, h, "GET /livez", "", "X-Forwarded-For", "10.0.0.9")
	call(t, h, "GET /livez", "")
	all := lines()
	require.Equal(t, []any{"192.0.2.1:1234", "10.0.0.9"}, []any{all[0]["remote"], all[0]["client"]})
	require.NotContains(t, all[1], "client")
}

func TestPanicIsAnsweredAndLogged(t *testing.T) {
	t.Parallel()
	cfg, lines := logged(&fake{nodes: func(context.Context) ([]session.Node, error) { panic("boom") }}, slog.LevelInfo)
	r := call(t, handlerOf(t, cfg), "GET /v1/nodes", "", "X-Request-Id", "id-1")
	p := r.problem(http.StatusInternalServerError, "internal")
	require.Equal(t, "id-1", p["requestId"])
	require.NotContains(t, r.body, "boom")
	all := lines()
	require.Len(t, all, 2)
	require.Equal(t, "boom", all[0]["panic"])
	require.Equal(t, "id-1", all[0]["requestId"])
	require.Contains(t, all[0]["stack"], "nodes.go")
	require.EqualValues(t, 500, all[1]["status"])
}

func TestAbortedHandlerStaysAborted(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{nodes: func(context.Context) ([]session.Node, error) { panic(http.ErrAbortHandler) }}))
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { call(t, h, "GET /v1/nodes", "") })
}

func TestClientThatWentAway(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f := &fake{get: func(ctx context.Context, _ session.ID, _ session.Consistency) (session.Session, error) {
		cancel()
		<-ctx.Done()
		return session.Session{}, ctx.Err()
	}}
	cfg, lines := logged(f, slog.LevelInfo)
	r := do(t, handlerOf(t, cfg), httptest.NewRequestWithContext(ctx, "GET", "/v1/sessions/"+someID, nil))
	require.Equal(t, statusClientGone, r.status)
	require.Empty(t, r.body)
	require.EqualValues(t, statusClientGone, lines()[0]["status"])
}

func TestRequestTimeoutReachesTheUseCase(t *testing.T) {
	t.Parallel()
	for given, want := range map[time.Duration]time.Duration{0: DefaultRequestTimeout, 3 * time.Second: 3 * time.Second} {
		cfg := config(&fake{nodes: func(ctx context.Context) ([]session.Node, error) {
			deadline, ok := ctx.Deadline()
			require.True(t, ok)
			require.InDelta(t, want.Seconds(), time.Until(deadline).Seconds(), 1)
			return nil, nil
		}})
		cfg.RequestTimeout = given
		call(t, handlerOf(t, cfg), "GET /v1/nodes", "").ok(http.StatusOK)
	}
}

// late is a body that comes slowly.
type late struct {
	io.Reader

	by time.Duration
}

func (l late) Read(p []byte) (int, error) {
	time.Sleep(l.by)
	return l.Reader.Read(p)
}

// The time of a use case begins when the body is there, however long that took; one that does not come is no fault of the store's.
func TestASlowBodyTakesNothingOfTheRequestsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := config(&fake{create: func(ctx context.Context, _ session.Draft, _ session.Idempotency) (session.Session, bool, error) {
			deadline, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, 3*time.Second, time.Until(deadline))
			return sample(), true, nil
		}})
		cfg.RequestTimeout = 3 * time.Second
		h := handlerOf(t, cfg)
		post := func(body io.Reader) response {
			req := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/sessions", late{body, 2 * time.Second})
			req.Header.Set("Content-Type", "application/json")
			return do(t, h, req)
		}
		post(io.MultiReader(strings.NewReader(minimal[:5]), strings.NewReader(minimal[5:]))).ok(http.StatusCreated)
		post(io.MultiReader(strings.NewReader(minimal[:5]), unread{})).invalid("body")
	})
}

// Series are named by templates: what callers send makes none.
func TestMetrics(t *testing.T) {
	t.Parallel()
	cfg := config(creating())
	h := handlerOf(t, cfg)
	call(t, h, "POST /v1/sessions", minimal)
	call(t, h, "GET /v1/sessions/x", "")
	call(t, h, "GET /v1/sessions/y", "")
	call(t, h, "GET /a", "")
	call(t, h, "GET /b", "")
	call(t, h, "BREW /c", "")
	page := call(t, h, "GET /metrics", "")
	require.Equal(t, http.StatusOK, page.status)
	var series []string
	for line := range strings.Lines(page.body) {
		if strings.HasPrefix(line, "http_requests_total{") {
			series = append(series, strings.TrimSpace(line))
		}
	}
	require.Equal(t, []string{
		`http_requests_total{code="201",method="POST",route="/v1/sessions"} 1`,
		`http_requests_total{code="400",method="GET",route="/v1/sessions/{id}"} 2`,
		`http_requests_total{code="404",method="GET",route="unmatched"} 2`,
		`http_requests_total{code="404",method="other",route="unmatched"} 1`,
	}, series)
	require.Contains(t, page.body, `http_request_duration_seconds_count{method="POST",route="/v1/sessions"} 1`)
}

func TestHEADHasNoBody(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(handlerOf(t, config(&fake{get: func(context.Context, session.ID, session.Consistency) (session.Session, error) {
		return sample(), nil
	}})))
	defer srv.Close()
	for path, status := range map[string]int{"/v1/sessions/" + someID: 200, "/v1/sessions/x": 400, "/readiness": 404} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, srv.URL+path, nil)
		require.NoError(t, err)
		resp, err := srv.Client().Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, status, resp.StatusCode)
		require.Positive(t, resp.ContentLength)
	}
}
