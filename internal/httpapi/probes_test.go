package httpapi

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

func checking(checks ...session.Check) *fake {
	return &fake{ready: func(context.Context) []session.Check { return checks }}
}

func TestReadyz(t *testing.T) {
	t.Parallel()
	good := session.Check{Name: "redis"}
	bad := session.Check{Name: "heartbeat", Err: errors.New("last beat\n 9s ago")}
	for _, c := range []struct {
		checks []session.Check
		query  string
		status int
		body   string
	}{
		{nil, "", 200, "ok"},
		{[]session.Check{good}, "", 200, "ok"},
		{[]session.Check{good}, "?verbose", 200, "[+]redis ok\nreadyz check passed\n"},
		{[]session.Check{good, bad}, "", 503, "[+]redis ok\n[-]heartbeat failed: last beat 9s ago\nreadyz check failed\n"},
		{[]session.Check{good, bad}, "?exclude=heartbeat", 200, "ok"},
		{[]session.Check{good, bad}, "?exclude=heartbeat&exclude=redis&verbose", 200, "[+]redis excluded: ok\n[+]heartbeat excluded: ok\nreadyz check passed\n"},
		{[]session.Check{good}, "?verbose=1&exclude=gone", 200, "[+]redis ok\nwarn: no check is named \"gone\", nothing is excluded\nreadyz check passed\n"},
	} {
		r := call(t, handlerOf(t, config(checking(c.checks...))), "GET /readyz"+c.query, "")
		require.Equal(t, c.status, r.status)
		require.Equal(t, c.body, r.body)
		require.Equal(t, c.status == 503, r.header.Get("Retry-After") != "")
	}
}

// The process is alive whatever Redis is: the fake would panic, were it asked.
func TestLivezAsksNobody(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	require.Equal(t, "ok", call(t, h, "GET /livez", "").body)
	require.Equal(t, "livez check passed\n", call(t, h, "GET /livez?verbose", "").body)
	require.Equal(t, http.StatusOK, call(t, h, "HEAD /livez", "").status)
}

func TestHealthz(t *testing.T) {
	t.Parallel()
	r := call(t, handlerOf(t, config(checking(session.Check{Name: "redis"}))), "GET /healthz", "")
	require.Equal(t, http.StatusOK, r.status)
	require.JSONEq(t, `{"status":"ok","node":"node-1","version":"1.2.3","checks":[{"name":"redis","ok":true}]}`, r.body)
	r = call(t, handlerOf(t, config(checking(session.Check{Name: "redis", Err: errors.New("away")}))), "GET /healthz", "")
	require.Equal(t, http.StatusOK, r.status)
	require.JSONEq(t, `{"status":"degraded","node":"node-1","version":"1.2.3","checks":[{"name":"redis","ok":false,"error":"away"}]}`, r.body)
}

func TestIndex(t *testing.T) {
	t.Parallel()
	v := call(t, handlerOf(t, config(&fake{})), "GET /", "").ok(http.StatusOK)
	require.Equal(t, "orchestrator", v["name"])
	require.Equal(t, "1.2.3", v["version"])
	require.Contains(t, v["routes"], "PATCH /v1/sessions/{id}")
	require.Contains(t, v["routes"], "GET /metrics")
}
