package bench_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/vmihailenco/msgpack/v5"

	"orchestrator/internal/bench"
)

// object is a body, in whatever encoding.
type object = map[string]any

// fakeAPI answers as a fleet does, from memory.
type fakeAPI struct {
	*httptest.Server
	tb testing.TB

	mu       sync.Mutex
	sessions map[string]object
	seen     map[string]int // requests by "METHOD kind"

	// A test sets these before it sends anything.
	jsonOnly bool
	deaf     bool // answers JSON whatever is asked for
	capacity int  // 0: none
	refuse   func(kind string, n int) (status int, code string)
	silent   func(kind string, n int) bool // the work is done, the connection ends without an answer
}

func startFake(t *testing.T, edit func(f *fakeAPI)) *fakeAPI {
	t.Helper()
	f := &fakeAPI{tb: t, sessions: map[string]object{}, seen: map[string]int{}}
	if edit != nil {
		edit(f)
	}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

// config is a small run against it.
func (f *fakeAPI) config(mix string, requests int) bench.Config {
	c := bench.Defaults()
	m, err := bench.ParseMix(mix)
	if err != nil {
		f.tb.Fatal(err)
	}
	c.URLs, c.Sessions, c.Batch, c.Concurrency, c.Load = []string{f.URL}, 25, 10, 4, bench.Load{Mix: m, Requests: requests}
	return c
}

func (f *fakeAPI) count(kind string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[kind]
}

func (f *fakeAPI) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sessions)
}

// kindOf names a route as the tests do.
func kindOf(r *http.Request) string {
	path := strings.TrimPrefix(r.URL.Path, "/v1/sessions")
	switch {
	case r.URL.Path == "/livez", path == "/batch":
		return r.Method + " " + path[strings.LastIndexByte(path, '/')+1:]
	case path == "":
		return r.Method
	}
	return r.Method + " one" + r.URL.Query().Get("consistency")
}

func (f *fakeAPI) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.tb.Errorf("a body did not come: %v", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	kind := kindOf(r)
	f.seen[kind]++
	if f.refuse != nil {
		if status, code := f.refuse(kind, f.seen[kind]); status != 0 {
			f.problem(w, status, code)
			return
		}
	}
	if f.jsonOnly && strings.Contains(r.Header.Get("Content-Type"), "msgpack") {
		f.problem(w, http.StatusUnsupportedMediaType, "unsupported-media-type")
		return
	}
	if f.silent != nil && f.silent(kind, f.seen[kind]) {
		defer panic(http.ErrAbortHandler)
		w = httptest.NewRecorder()
	}
	id := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	switch kind {
	case "GET livez":
		w.WriteHeader(http.StatusOK)
	case "POST":
		f.create(w, r, f.decode(r, body))
	case "POST batch":
		f.batch(w, r, f.decode(r, body))
	case "GET":
		f.list(w, r)
	default:
		f.one(w, r, id, body)
	}
}

func (f *fakeAPI) create(w http.ResponseWriter, r *http.Request, draft object) {
	s := f.make(draft)
	if s == nil {
		f.problem(w, http.StatusServiceUnavailable, "no-capacity")
		return
	}
	w.Header().Set("Location", "/v1/sessions/"+s["id"].(string))
	f.reply(w, r, http.StatusCreated, s)
}

// make returns nil where there is no room.
func (f *fakeAPI) make(draft object) object {
	if f.capacity > 0 && len(f.sessions) >= f.capacity {
		return nil
	}
	for _, name := range []string{"type", "name", "workspace"} {
		if text, ok := draft[name].(string); !ok || text == "" || strings.ContainsAny(text, "~^") {
			f.tb.Errorf("a draft's %s is %v", name, draft[name])
		}
	}
	draft["id"], draft["status"] = uuid.Must(uuid.NewV7()).String(), "active"
	f.sessions[draft["id"].(string)] = draft
	return draft
}

func (f *fakeAPI) batch(w http.ResponseWriter, r *http.Request, body object) {
	results := []any{}
	for _, item := range body["sessions"].([]any) {
		if s := f.make(item.(object)); s != nil {
			results = append(results, result{Status: 201, Session: &session{s["id"].(string), s}})
			continue
		}
		results = append(results, result{Status: 503, Problem: object{"code": "no-capacity", "detail": "full"}})
	}
	f.reply(w, r, http.StatusOK, object{"results": results})
}

// result and session have their members in the API's order.
type result struct {
	Status  int      `json:"status"`
	Session *session `json:"session,omitempty"`
	Problem object   `json:"problem,omitempty"`
}

type session struct {
	ID     string `json:"id"`
	Others object `json:"others"`
}

func (f *fakeAPI) list(w http.ResponseWriter, r *http.Request) {
	found := []any{}
	name, value, _ := strings.Cut(r.URL.Query().Get("label"), "=")
	for _, s := range f.sessions {
		if s["labels"].(object)[name] == value {
			found = append(found, s)
		}
	}
	f.reply(w, r, http.StatusOK, object{"sessions": found})
}

func (f *fakeAPI) one(w http.ResponseWriter, r *http.Request, id string, body []byte) {
	s, ok := f.sessions[id]
	switch {
	case !ok:
		f.problem(w, http.StatusNotFound, "session-not-found")
	case r.Method == http.MethodDelete:
		delete(f.sessions, id)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPatch:
		maps.Copy(s["labels"].(object), f.decode(r, body)["labels"].(object))
		f.reply(w, r, http.StatusOK, s)
	default:
		f.reply(w, r, http.StatusOK, s)
	}
}

func (f *fakeAPI) decode(r *http.Request, body []byte) (v object) {
	err := json.Unmarshal(body, &v)
	if strings.Contains(r.Header.Get("Content-Type"), "msgpack") {
		err = msgpack.Unmarshal(body, &v)
	}
	if err != nil {
		f.tb.Errorf("%s %s: %v in %q", r.Method, r.URL, err, body)
	}
	return v
}

func (f *fakeAPI) reply(w http.ResponseWriter, r *http.Request, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	var out bytes.Buffer
	err := json.NewEncoder(&out).Encode(v)
	if !f.deaf && strings.Contains(r.Header.Get("Accept"), "msgpack") {
		w.Header().Set("Content-Type", "application/msgpack")
		out.Reset()
		enc := msgpack.NewEncoder(&out)
		enc.SetCustomStructTag("json")
		err = enc.Encode(v)
	}
	if err != nil {
		f.tb.Error(err)
	}
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

func (f *fakeAPI) problem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"code":%q,"detail":"because"}`, code)
}
