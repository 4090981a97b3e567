package clienttest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"

	"orchestrator/client"
)

// problem is what is answered where a request is refused.
type problem struct {
	Status       int    `json:"status"`
	Code         string `json:"code"`
	Title        string `json:"title"`
	Detail       string `json:"detail"`
	RequestID    string `json:"requestId"`
	Field        string `json:"field,omitempty"`
	Used         int    `json:"used,omitempty"`
	Limit        int    `json:"limit,omitempty"`
	Owner        string `json:"owner,omitempty"`
	CurrentEpoch uint64 `json:"currentEpoch,omitempty"`
	CurrentETag  string `json:"currentETag,omitempty"`
	Oldest       string `json:"oldest,omitempty"`
	Latest       string `json:"latest,omitempty"`
	Host         string `json:"host,omitempty"`
	Port         int    `json:"port,omitempty"`
}

func (p *problem) Error() string { return p.Code + ": " + p.Detail }

// failure is a problem that was asked for.
type failure struct {
	problem

	applied bool
}

func refuse(status int, code, format string, args ...any) *problem {
	return &problem{Status: status, Code: code, Title: http.StatusText(status), Detail: fmt.Sprintf(format, args...)}
}

func invalid(field, format string, args ...any) *problem {
	p := refuse(http.StatusBadRequest, "invalid-request", field+" "+format, args...)
	p.Field = field
	return p
}

// handler answers a request, with the fleet locked, or says why not.
type handler func(w http.ResponseWriter, r *http.Request) *problem

// promises are the headers by which a request that changes something may ask for one; a route refuses those that it does not keep.
var promises = map[string][]string{
	"POST /v1/sessions":                {"Idempotency-Key"},
	"PATCH /v1/sessions/{id}":          {"If-Match", "Session-Epoch"},
	"DELETE /v1/sessions/{id}":         {"If-Match", "Session-Epoch"},
	"POST /v1/sessions/{id}/messages":  {"Session-Epoch", "Idempotency-Key"},
	"PUT /v1/sessions/{id}/context":    {"If-Match", "Session-Epoch"},
	"DELETE /v1/sessions/{id}/context": {"If-Match", "Session-Epoch"},
}

// handle adds a route with the query parameters that it knows.
func (n *node) handle(pattern string, h handler, params ...string) {
	n.index.Routes = append(n.index.Routes, pattern)
	n.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		n.answer(w, r, func(w http.ResponseWriter, r *http.Request) *problem {
			for name := range r.URL.Query() {
				if !strings.Contains(" "+strings.Join(params, " ")+" ", " "+name+" ") {
					return invalid(name, "is not a query parameter of this route")
				}
			}
			for _, name := range []string{"If-Match", "Session-Epoch", "Idempotency-Key"} {
				if r.Method != http.MethodGet && r.Method != http.MethodHead && len(r.Header.Values(name)) > 0 && !slices.Contains(promises[pattern], name) {
					return invalid(name, "is not offered by this route")
				}
			}
			return h(w, r)
		})
	})
}

// answer calls a handler, unless the node is to fail.
func (n *node) answer(w http.ResponseWriter, r *http.Request, h handler) {
	n.fleet.mu.Lock()
	defer n.fleet.mu.Unlock()
	var p *problem
	switch {
	case n.stopped != nil && r.URL.Path != "/livez":
		p = refuse(http.StatusServiceUnavailable, "draining", "this node is leaving")
	case n.failing > 0 && r.URL.Path != "/livez":
		n.failing--
		if n.failWith.applied {
			_ = h(httptest.NewRecorder(), r)
		}
		failed := n.failWith.problem
		p = &failed
	default:
		p = h(w, r)
	}
	if p == nil {
		return
	}
	p.RequestID = w.Header().Get("X-Request-Id")
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// ServeHTTP answers as the node.
func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Request-Id")
	if id == "" {
		id = rand.Text()
	}
	w.Header().Set("X-Request-Id", id)
	w.Header().Set("X-Orchestrator-Node", n.view.ID)
	n.mux.ServeHTTP(w, r)
}

func (n *node) routes() *http.ServeMux {
	n.mux = http.NewServeMux()
	n.index = client.Index{Name: "orchestrator", Version: n.view.Version}
	n.handle("POST /v1/sessions", n.createSession)
	n.handle("GET /v1/sessions", n.listSessions, "type", "status", "owner", "workspace", "label", "limit", "pageToken")
	n.handle("POST /v1/sessions/batch", n.createBatch)
	n.handle("GET /v1/sessions/{id}", n.getSession, "consistency")
	n.handle("PATCH /v1/sessions/{id}", n.patchSession)
	n.handle("DELETE /v1/sessions/{id}", n.deleteSession, "lastMessage", "contextETag")
	n.handle("POST /v1/sessions/{id}/migrate", n.migrateSession)
	n.handle("POST /v1/sessions/{id}/messages", n.publish)
	n.handle("GET /v1/sessions/{id}/messages", n.readMessages, "after", "limit", "kind", "consistency")
	n.handle("GET /v1/sessions/{id}/context", n.getContext, "consistency")
	n.handle("PUT /v1/sessions/{id}/context", n.putContext)
	n.handle("DELETE /v1/sessions/{id}/context", n.deleteContext)
	n.handle("GET /v1/events", n.readEvents, "cursor", "type", "session", "node", "limit")
	n.handle("GET /v1/nodes", n.listNodes)
	n.handle("GET /v1/nodes/{id}", n.getNode)
	n.handle("POST /v1/nodes/{id}/cordon", n.setState(client.Cordoned))
	n.handle("POST /v1/nodes/{id}/uncordon", n.setState(client.Ready))
	n.handle("GET /v1/nodes/{id}/assignments", n.assignments)
	n.handle("POST /v1/nodes/{id}/assignments/ack", n.acknowledge)
	n.handle("GET /v1/cluster/metrics", n.clusterMetrics)
	n.handle("GET /livez", func(w http.ResponseWriter, _ *http.Request) *problem {
		_, _ = io.WriteString(w, "ok")
		return nil
	}, "verbose", "exclude")
	n.index.Routes = append(n.index.Routes, "GET /")
	n.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		n.answer(w, r, func(w http.ResponseWriter, r *http.Request) *problem {
			if r.URL.Path != "/" || r.Method != http.MethodGet {
				return refuse(http.StatusNotFound, "not-found", "no route is at %s %s", r.Method, r.URL.Path)
			}
			return reply(w, http.StatusOK, n.index)
		})
	})
	return n.mux
}

func reply(w http.ResponseWriter, status int, v any) *problem {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
	return nil
}

const maxBody = 16 << 20

// body reads a body whole.
func body(r *http.Request, most int) ([]byte, *problem) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, int64(most)+1))
	if err != nil {
		return nil, invalid("body", "cannot be read: %v", err)
	}
	if len(raw) > most {
		p := refuse(http.StatusRequestEntityTooLarge, "too-large", "the body is too large")
		p.Used, p.Limit = len(raw), most
		return nil, p
	}
	return raw, nil
}

// parse reads a document with the fields of into and no others.
func parse(raw []byte, into any) *problem {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return invalid("body", "is not as it should be: %v", err)
	}
	return nil
}

func read(r *http.Request, into any) *problem {
	raw, p := body(r, maxBody)
	if p != nil || len(raw) == 0 {
		return p
	}
	return parse(raw, into)
}

// limit reads how long a page may be.
func limit(r *http.Request) (int, *problem) {
	s := r.URL.Query().Get("limit")
	if s == "" {
		return 100, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 1000 {
		return 0, invalid("limit", "must be a whole number from 1 to 1000")
	}
	return n, nil
}

// streams reports whether the request asks for a stream of events.
func streams(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}
