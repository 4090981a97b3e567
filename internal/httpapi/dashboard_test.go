package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/dashboard"
	"orchestrator/internal/session"
)

// shown calls for a page, and returns it.
func shown(t *testing.T, f *fake, target string) string {
	t.Helper()
	r := call(t, handlerOf(t, config(f)), "GET "+target, "")
	require.Equal(t, http.StatusOK, r.status, r.body)
	require.Equal(t, "text/html; charset=utf-8", r.header.Get("Content-Type"))
	require.Equal(t, pagePolicy(dashboard.Style()), r.header.Get("Content-Security-Policy"))
	require.Equal(t, "no-store", r.header.Get("Cache-Control"))
	return r.body
}

func TestABrowserIsLedToTheDashboard(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	r := call(t, h, "GET /", "", "Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	require.Equal(t, http.StatusSeeOther, r.status)
	require.Equal(t, "/dashboard", r.header.Get("Location"))
	for _, accept := range []string{"", "*/*", "application/json", "text/html;q=0", "application/json, text/html;q=0.1", "text/html, application/json"} {
		require.Equal(t, http.StatusOK, call(t, h, "GET /", "", "Accept", accept).status, accept)
	}
}

func TestDashboardOfTheFleet(t *testing.T) {
	t.Parallel()
	f := conforming()
	f.ofNodes = func(_ context.Context, limit int) ([]session.Event, error) {
		require.Equal(t, dashboardEvents, limit)
		return []session.Event{{Type: session.NodeJoined, Node: "older"}, {Type: session.NodeDead, Node: "newer"}}, nil
	}
	html := shown(t, f, "/dashboard")
	require.Contains(t, html, string(sampleNode().Node))
	require.Regexp(t, "(?s)<td>newer</td>.*<td>older</td>", html)
	f.fail(&session.UnavailableError{Reason: "nobody answers"})
	require.Equal(t, 2, strings.Count(shown(t, f, "/dashboard"), "the store is unavailable: nobody answers"))
	call(t, handlerOf(t, config(f)), "GET /dashboard?owner=x", "").invalid("owner")
	call(t, handlerOf(t, config(f)), "GET /dashboard?refresh=often", "").invalid("refresh")
	require.NotContains(t, shown(t, f, "/dashboard?refresh=false"), "http-equiv")
}

func TestDashboardOfSessions(t *testing.T) {
	t.Parallel()
	f := conforming()
	var want session.Listing
	f.list = func(_ context.Context, l session.Listing) (session.Page, error) {
		want = l
		return session.Page{Sessions: []session.Session{sample(), bareSession}, Next: "next"}, nil
	}
	html := shown(t, f, "/dashboard/sessions?id=&owner=node-1&status=&type=&workspace=&labels=team%3Dinfra&pageToken=t")
	require.Equal(t, session.Listing{Order: session.NewestFirst, Limit: dashboardPage, Token: "t",
		Filter: session.Filter{Owners: []session.NodeID{"node-1"}, Labels: session.Selector{session.Equals("team", "infra")}}}, want)
	require.Contains(t, html, `pageToken=next`)
	require.Contains(t, html, "fix &lt;the&gt; build")
	for query, says := range map[string]string{"owner=a%20b": "owner ", "status=gone": "status &#34;gone&#34; must be one of active", "labels=%2C": "labels ", "id=a%2Fb": "id "} {
		require.Contains(t, shown(t, f, "/dashboard/sessions?"+query), `<p class="bad">`+says, query)
	}
	r := call(t, handlerOf(t, config(f)), "GET /dashboard/sessions?id=+"+someID+"%20", "")
	require.Equal(t, http.StatusSeeOther, r.status)
	require.Equal(t, "/dashboard/sessions/"+someID, r.header.Get("Location"))
	call(t, handlerOf(t, config(f)), "GET /dashboard/sessions?colour=red", "").invalid("colour")
	f.fail(&session.UnavailableError{Reason: "nobody answers"})
	require.Contains(t, shown(t, f, "/dashboard/sessions"), "nobody answers")
}

func TestDashboardOfASession(t *testing.T) {
	t.Parallel()
	f := conforming()
	f.recent = func(context.Context, session.ID, int) ([]session.Event, error) {
		return []session.Event{{Type: session.SessionCreated, Node: "older"}, {Type: session.SessionMoved, Node: "newer"}}, nil
	}
	html := shown(t, f, "/dashboard/sessions/"+someID)
	require.Contains(t, html, "fix &lt;the&gt; build")
	require.Contains(t, html, sampleExplanation().Records[0].Key)
	require.Regexp(t, "(?s)<td>newer</td>.*<td>older</td>", html)
	f.get = func(_ context.Context, _ session.ID, c session.Consistency) (session.Session, error) {
		require.Equal(t, session.Eventual, c, "a read that mends what it should show")
		return session.Session{}, &session.UnavailableError{Reason: "its master is away"}
	}
	html = shown(t, f, "/dashboard/sessions/"+someID)
	require.Contains(t, html, "its master is away")
	require.Contains(t, html, sampleExplanation().Records[0].Key)
	f.recent = nil
	require.Contains(t, shown(t, f, "/dashboard/sessions/"+someID), "They could not be read")
	require.Contains(t, shown(t, f, "/dashboard/sessions/nonsense"), "must be")
	f.fail(session.ErrNotFound)
	require.Contains(t, shown(t, f, "/dashboard/sessions/"+someID), "no session has this id")
}

// A page hides the cause of an error as the API does; the log has it under the id that the page shows.
func TestWhatAPageHidesIsInTheLog(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	f := conforming()
	f.ofNodes = func(context.Context, int) ([]session.Event, error) { return nil, errors.New("the secret cause") }
	cfg := config(f)
	cfg.Log = slog.New(slog.NewTextHandler(&out, nil))
	r := call(t, handlerOf(t, cfg), "GET /dashboard", "")
	require.NotContains(t, r.body, "secret")
	require.Contains(t, r.body, "Request "+r.header.Get("X-Request-Id"))
	require.Regexp(t, "a part of a page is missing.*requestId="+r.header.Get("X-Request-Id")+".*the secret cause", out.String())
}
