package client_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"orchestrator/client"
	"orchestrator/client/clienttest"
	"orchestrator/integration/clientsuite"
)

// fleet is one in memory, served.
type fleet struct {
	*clienttest.Fleet

	servers []*httptest.Server
}

func serve(t *testing.T, nodes ...string) fleet {
	t.Helper()
	f := fleet{Fleet: clienttest.New(nodes...)}
	for _, id := range nodes {
		s := httptest.NewServer(f.Node(id))
		f.Reached(id, strings.TrimPrefix(s.URL, "http://"))
		t.Cleanup(s.Close)
		f.servers = append(f.servers, s)
	}
	return f
}

func (f fleet) addrs() (all []string) {
	for _, s := range f.servers {
		all = append(all, s.URL)
	}
	return all
}

func (f fleet) client(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Addrs: f.addrs(), RetryFor: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestOnAFleetInMemory(t *testing.T) {
	t.Parallel()
	clientsuite.Run(t, serve(t, "node-1", "node-2").addrs())
}

// A program that relies on a header which a route does not keep finds that out in its tests.
func TestTheFleetInMemoryRefusesWhatItDoesNotKeep(t *testing.T) {
	t.Parallel()
	f := serve(t, "node-1", "node-2")
	s, err := f.client(t).CreateSession(t.Context(), client.Draft{Type: "t", Name: "n", Workspace: "/w"})
	if err != nil {
		t.Fatal(err)
	}
	for route, names := range map[string][]string{
		"PATCH /v1/sessions/" + s.ID:               {"Idempotency-Key"},
		"DELETE /v1/sessions/" + s.ID:              {"Idempotency-Key"},
		"DELETE /v1/sessions/" + s.ID + "/context": {"Idempotency-Key"},
		"POST /v1/sessions":                        {"If-Match", "Session-Epoch"},
		"POST /v1/sessions/" + s.ID + "/messages":  {"If-Match"},
		"POST /v1/sessions/batch":                  {"If-Match", "Session-Epoch", "Idempotency-Key"},
		"POST /v1/sessions/" + s.ID + "/migrate":   {"If-Match", "Session-Epoch", "Idempotency-Key"},
		"POST /v1/nodes/node-2/cordon":             {"If-Match", "Session-Epoch", "Idempotency-Key"},
		"POST /v1/nodes/node-1/assignments/ack":    {"If-Match", "Session-Epoch", "Idempotency-Key"},
	} {
		method, path, _ := strings.Cut(route, " ")
		for _, name := range names {
			req, err := http.NewRequestWithContext(t.Context(), method, f.servers[0].URL+path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set(name, "1")
			a, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(a.Body)
			_ = a.Body.Close()
			if err != nil || a.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), `"field":"`+name+`"`) {
				t.Errorf("%s with %s: %d %s %v", route, name, a.StatusCode, text, err)
			}
		}
	}
}
