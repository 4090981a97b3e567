// Package clientsuite holds what the Go client must be able to do with a fleet, be it one in memory or of real nodes.
package clientsuite

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"orchestrator/client"
)

// patience is how long the fleet may take for anything.
const patience = 20 * time.Second

// suite is a fleet under test.
type suite struct {
	c      *client.Client
	routes []string
}

// Run runs the suite on the nodes at addrs, at least two of one fleet. What the fleet does not offer yet, by its own list of routes, is skipped
// by name.
func Run(t *testing.T, addrs []string) {
	c, err := client.New(client.Config{Addrs: addrs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	index, err := c.Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := suite{c, index.Routes}
	for name, test := range map[string]struct {
		run    func(*testing.T, suite)
		routes string
	}{
		"a session from its creation to its end":              {lifecycle, "POST /v1/sessions|DELETE /v1/sessions/{id}"},
		"a fast session keeps what it was told":               {durability, "PATCH /v1/sessions/{id}|POST /v1/sessions/{id}/migrate|GET /v1/sessions/{id}/messages"},
		"a key makes one session":                             {idempotency, "POST /v1/sessions"},
		"conditions are kept":                                 {conditions, "PATCH /v1/sessions/{id}"},
		"a batch's drafts stand alone":                        {batch, "POST /v1/sessions/batch"},
		"a list has every session once":                       {lists, "GET /v1/sessions"},
		"refusals are told by their kind":                     {refusals, "GET /v1/sessions/{id}"},
		"a node is cordoned and uncordoned":                   {cordon, "POST /v1/nodes/{id}/cordon"},
		"the fleet's numbers add up":                          {metrics, "GET /v1/cluster/metrics"},
		"a node tells its own numbers":                        {local, "GET /v1/local/metrics"},
		"a dry run of a rebalance moves nothing":              {rebalance, "POST /v1/rebalance"},
		"a lease ends and is let go of before another begins": {leases, "GET /v1/nodes/{id}/assignments|POST /v1/sessions/{id}/migrate"},
		"messages are read and followed":                      {messages, "GET /v1/sessions/{id}/messages"},
		"a context is kept with its session":                  {contexts, "PUT /v1/sessions/{id}/context"},
		"a session is deleted as it is known":                 {unchanged, "POST /v1/sessions/{id}/messages|PUT /v1/sessions/{id}/context"},
		"events are paged and watched":                        {events, "GET /v1/events"},
		"a session is explained":                              {explain, "GET /v1/sessions/{id}/explain"},
	} {
		t.Run(name, func(t *testing.T) {
			for route := range strings.SplitSeq(test.routes, "|") {
				if !slices.Contains(s.routes, route) {
					t.Skipf("the fleet does not serve %s", route)
				}
			}
			test.run(t, s)
		})
	}
}

func (s suite) create(t *testing.T, name string) client.Session {
	t.Helper()
	return must(s.c.CreateSession(t.Context(), draft(name)))(t)
}

func draft(name string) client.Draft {
	return client.Draft{Type: "development", Name: name, Workspace: "/w/" + name, Labels: map[string]string{"suite": name}}
}

// must fails the test where a call did.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantErr(t *testing.T, err, kind error) *client.Error {
	t.Helper()
	var e *client.Error
	if !errors.Is(err, kind) || !errors.As(err, &e) {
		t.Fatalf("%v, want %v", err, kind)
	}
	return e
}
