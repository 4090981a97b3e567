package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

func TestListSessions(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]listing{
		"":             {session.Filter{Labels: map[string]string{}}, session.DefaultPage, ""},
		"?pageToken=":  {session.Filter{Labels: map[string]string{}}, session.DefaultPage, ""},
		"?limit=1":     {session.Filter{Labels: map[string]string{}}, 1, ""},
		"?limit=1000":  {session.Filter{Labels: map[string]string{}}, 1000, ""},
		"?label=a=b=c": {session.Filter{Labels: map[string]string{"a": "b=c"}}, session.DefaultPage, ""},
		"?label=a=":    {session.Filter{Labels: map[string]string{"a": ""}}, session.DefaultPage, ""},
		"?type=t&status=idle&owner=node-1&workspace=%2Fw&label=a=1&label=b=2&label=a=1&limit=5&pageToken=tok": {
			session.Filter{Type: "t", Status: session.Idle, Owner: "node-1", Workspace: "/w", Labels: map[string]string{"a": "1", "b": "2"}}, 5, "tok"},
	} {
		h := handlerOf(t, config(&fake{list: func(_ context.Context, f session.Filter, limit int, token string) (session.Page, error) {
			require.Equal(t, want, listing{f, limit, token}, query)
			return session.Page{Sessions: []session.Session{sample()}, Next: "more"}, nil
		}}))
		v := call(t, h, "GET /v1/sessions"+query, "").ok(http.StatusOK)
		require.Len(t, v["sessions"], 1)
		require.Equal(t, "more", v["nextPageToken"])
	}
}

func TestListSessionsOfNone(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{list: func(context.Context, session.Filter, int, string) (session.Page, error) {
		return session.Page{}, nil
	}}))
	require.Equal(t, "{\"sessions\":[]}\n", call(t, h, "GET /v1/sessions", "").body)
}

func TestListSessionsRefuses(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	for query, field := range map[string]string{
		"limit=0": "limit", "limit=1001": "limit", "limit=-1": "limit", "limit=": "limit", "limit=ten": "limit", "limit=1e2": "limit",
		"limit=99999999999999999999": "limit", "limit=1&limit=2": "limit",
		"type=": "type", "workspace=": "workspace", "status=": "status", "owner=": "owner", "type=a&type=b": "type",
		"status=running": "status", "owner=a/b": "owner", "owner=" + strings.Repeat("n", session.MaxNodeID+1): "owner",
		"label=a": "label", "label=": "label", "label==v": "label", "label=a=1&label=a=2": "label",
		strings.Repeat("label=a=1&", session.MaxLabels) + "label=a=1": "label",
		"pageToken=" + strings.Repeat("x", MaxPageToken+1):            "pageToken",
		"state=idle": "state", "Limit=1": "Limit", "=1": "", "limit=%zz": "query", "a;b": "query",
	} {
		if field == "" {
			call(t, h, "GET /v1/sessions?"+query, "").problem(http.StatusBadRequest, "invalid-request")
			continue
		}
		call(t, h, "GET /v1/sessions?"+query, "").invalid(field)
	}
}

// Every route of /v1 refuses a parameter that it does not know, before any use case is called.
func TestUnknownQueryParameters(t *testing.T) {
	t.Parallel()
	a := &api{}
	h := handlerOf(t, config(&fake{}))
	for i, r := range a.routes() {
		path := strings.ReplaceAll(r.path, "{id}", someID)
		call(t, h, r.method+" "+path+"?nope"+strconv.Itoa(i)+"=1", "").invalid("nope" + strconv.Itoa(i))
	}
}
