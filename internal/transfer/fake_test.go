package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"orchestrator/client"
	"orchestrator/client/clienttest"
)

// errDown is what every request meets after the process has crashed.
var errDown = errors.New("the process has crashed")

// wire carries requests to two fleets in memory, http://a and http://b, and may crash whoever sends them.
type wire struct {
	a, b http.Handler

	mu      sync.Mutex
	changes int                             // requests so far that may change something
	crash   int                             // the change at which it crashes, from 1; 0: never
	applied bool                            // that one is carried out, and its answer lost
	before  func(method, path, host string) // looks at every request before it is carried out
	former  bool                            // the fleets know no condition on what lies beside a session
	late    func()                          // carries out the change that was lost with the process, if it was not
	keeps   string                          // b keeps messages behind this one alone; empty: all
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Method != http.MethodGet {
		w.changes++
	}
	to := map[string]http.Handler{"a": w.a, "b": w.b}[r.URL.Host]
	in := httptest.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, r.URL.RequestURI(), r.Body)
	in.Header = r.Header
	out := httptest.NewRecorder()
	down := w.crash > 0 && w.changes >= w.crash
	if down && (w.changes > w.crash || r.Method == http.MethodGet || !w.applied) {
		if w.changes == w.crash && r.Method != http.MethodGet {
			body, err := io.ReadAll(in.Body)
			if err != nil {
				return nil, err
			}
			in.Body = io.NopCloser(bytes.NewReader(body))
			w.late = func() { to.ServeHTTP(out, in) }
		}
		return nil, errDown
	}
	if w.before != nil {
		w.before(r.Method, r.URL.Path, r.URL.Host)
	}
	if q := in.URL.Query(); w.keeps != "" && r.URL.Host == "b" && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/messages") && !q.Has("after") {
		q.Set("after", w.keeps)
		in.URL.RawQuery = q.Encode()
	}
	if w.former && r.Method == http.MethodDelete && r.URL.RawQuery != "" {
		out.WriteHeader(http.StatusBadRequest)
		_, _ = out.WriteString(`{"code":"invalid-request","field":"contextETag"}`)
		return out.Result(), nil
	}
	to.ServeHTTP(out, in)
	if down {
		return nil, errDown
	}
	return out.Result(), nil
}

// pair is two fleets and a client of each.
type pair struct {
	wire *wire
	a, b *client.Client
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{wire: &wire{a: clienttest.New("a-1", "a-2").Node("a-1"), b: clienttest.New("b-1").Node("b-1")}}
	p.a, p.b = p.client(t, "http://a"), p.client(t, "http://b")
	return p
}

func (p *pair) client(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Addrs: []string{url}, RetryFor: -1, Transport: p.wire})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// create makes a session in a fleet.
func create(t *testing.T, c *client.Client, d client.Draft) client.Session {
	t.Helper()
	if d.Type == "" {
		d.Type = "dev"
	}
	d.Workspace = "/w"
	s, err := c.CreateSession(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// all returns every session of a fleet by name.
func all(t *testing.T, c *client.Client) map[string]client.Session {
	t.Helper()
	out := map[string]client.Session{}
	for s, err := range c.AllSessions(t.Context(), client.Selection{}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := out[s.Name]; twice {
			t.Fatalf("two sessions are named %s", s.Name)
		}
		out[s.Name] = s
	}
	return out
}

func names(sessions map[string]client.Session) []string { return slices.Sorted(maps.Keys(sessions)) }

// rejects collects the lines that are refused.
type rejects map[int]string

func (r rejects) take(line int, _, reason string) { r[line] = reason }

func runImport(t *testing.T, i Import, r io.Reader) (Counts, rejects, error) {
	t.Helper()
	refused := rejects{}
	i.Reject, i.Concurrency = refused.take, 4
	got, err := i.Run(context.WithoutCancel(t.Context()), r, func(func() Counts) {})
	return got, refused, err
}
