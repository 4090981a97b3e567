package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

func TestListSessions(t *testing.T) {
	t.Parallel()
	ask := func(limit int, token string, f session.Filter) session.Listing {
		return session.Listing{Filter: f, Order: session.ByID, Limit: limit, Token: token}
	}
	all := func(labels ...session.Requirement) session.Listing {
		return ask(session.DefaultPage, "", session.Filter{Labels: labels})
	}
	for query, want := range map[string]session.Listing{
		"":             all(),
		"?pageToken=":  all(),
		"?limit=1":     ask(1, "", session.Filter{}),
		"?limit=1000":  ask(1000, "", session.Filter{}),
		"?label=a=b=c": all(session.Equals("a", "b=c")),
		"?label=a=":    all(session.Equals("a", "")),
		"?label=a=b,c": all(session.Equals("a", "b,c")),
		"?labels=tier%3Dgold,region!=eu,env+in+(a,b),x+notin+(c),team,!old&label=z=1": all(session.Equals("z", "1"), session.Equals("tier", "gold"),
			session.Requirement{Key: "region", Operator: session.NotIn, Values: []string{"eu"}},
			session.Requirement{Key: "env", Operator: session.In, Values: []string{"a", "b"}},
			session.Requirement{Key: "x", Operator: session.NotIn, Values: []string{"c"}},
			session.Requirement{Key: "team", Operator: session.Exists}, session.Requirement{Key: "old", Operator: session.Absent}),
		"?type=t,u&status=active,idle&owner=n1,n2&workspace=a,b": ask(session.DefaultPage, "", session.Filter{
			Types: []string{"t", "u"}, Statuses: []session.Status{session.Active, session.Idle}, Owners: []session.NodeID{"n1", "n2"}, Workspace: "a,b"}),
		"?type=" + strings.Repeat("t,", session.MaxChoices-1) + "t": ask(session.DefaultPage, "", session.Filter{Types: slices.Repeat([]string{"t"}, session.MaxChoices)}),
		"?type=t&status=idle&owner=node-1&workspace=%2Fw&label=a=1&label=b=2&label=a=1&limit=5&pageToken=tok": ask(5, "tok", session.Filter{
			Types: []string{"t"}, Statuses: []session.Status{session.Idle}, Owners: []session.NodeID{"node-1"}, Workspace: "/w",
			Labels: session.Selector{session.Equals("a", "1"), session.Equals("b", "2")}}),
	} {
		h := handlerOf(t, config(&fake{list: func(_ context.Context, got session.Listing) (session.Page, error) {
			require.Equal(t, want, got, query)
			return session.Page{Sessions: []session.Session{sample()}, Next: "more"}, nil
		}}))
		v := call(t, h, "GET /v1/sessions"+query, "").ok(http.StatusOK)
		require.Len(t, v["sessions"], 1)
		require.Equal(t, "more", v["nextPageToken"])
	}
}

func TestListSessionsOfNone(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{list: func(context.Context, session.Listing) (session.Page, error) {
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
		strings.Repeat("label=a=1&", session.MaxRequirements) + "label=a=1": "label",
		"label=" + strings.Repeat("k", session.MaxLabelKey+1) + "=v":        "label", "label=k=" + strings.Repeat("v", session.MaxLabelValue+1): "label",
		"labels=": "labels", "labels=a,,b": "labels", "labels=a+in+()": "labels", "labels=a%3E1": "labels", "labels=a&labels=b": "labels",
		"labels=" + strings.Repeat("a,", session.MaxRequirements) + "a":             "labels",
		"label=b=1&labels=" + strings.Repeat("a,", session.MaxRequirements-1) + "a": "labels",
		"labels=a" + strings.Repeat("+", session.MaxSelector):                       "labels",
		"orderBy=": "orderBy", "orderBy=name": "orderBy", "orderBy=createdat": "orderBy", "orderBy=id,createdAt": "orderBy", "orderBy=id&orderBy=id": "orderBy",
		"type=a,": "type", "type=,a": "type", "type=" + strings.Repeat("t,", session.MaxChoices) + "t": "type", "type=a%20b": "type",
		"status=idle,running": "status", "status=idle,": "status", "owner=n1,a/b": "owner", "owner=n1,": "owner",
		"workspace=" + strings.Repeat("w", session.MaxWorkspace+1): "workspace",
		"pageToken=" + strings.Repeat("x", MaxPageToken+1):         "pageToken",
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

func TestListSessionsInOrder(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]session.Order{"": session.ByID, "?orderBy=id": session.ByID, "?orderBy=createdAt": session.OldestFirst, "?orderBy=-createdAt": session.NewestFirst} {
		h := handlerOf(t, config(&fake{list: func(_ context.Context, got session.Listing) (session.Page, error) {
			require.Equal(t, want, got.Order, query)
			return session.Page{}, nil
		}}))
		call(t, h, "GET /v1/sessions"+query, "").ok(http.StatusOK)
	}
	p := call(t, handlerOf(t, config(&fake{})), "GET /v1/sessions?orderBy=updatedAt", "").invalid("orderBy")
	for _, offered := range session.Orders {
		require.Contains(t, p["detail"], offered)
	}
}
