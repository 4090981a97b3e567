package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"orchestrator/internal/assignments"
	"orchestrator/internal/session"
)

// fake is every use case. A test sets the ones that its request may reach; any other call panics, and the answer is 500.
type fake struct {
	create      func(ctx context.Context, d session.Draft, idem session.Idempotency) (session.Session, bool, error)
	createBatch func(ctx context.Context, drafts []session.Draft) []session.Result
	get         func(ctx context.Context, id session.ID, c session.Consistency) (session.Session, error)
	update      func(ctx context.Context, id session.ID, p session.Patch, cond session.Condition) (session.Session, error)
	remove      func(ctx context.Context, id session.ID, cond session.Condition) error
	list        func(ctx context.Context, want session.Listing) (session.Page, error)
	explain     func(ctx context.Context, id session.ID) (session.Explanation, error)
	dryRun      func(ctx context.Context, d session.Draft) (session.DryRun, error)
	publish     func(ctx context.Context, id session.ID, p session.Publication) ([]session.Message, error)
	messages    func(ctx context.Context, id session.ID, q session.MessageQuery, c session.Consistency) (session.MessagePage, error)
	published   func(id session.ID) (<-chan struct{}, func())
	getContext  func(ctx context.Context, id session.ID, c session.Consistency) (session.Context, error)
	putContext  func(ctx context.Context, id session.ID, c session.Context, cond session.Condition) (session.Stamp, bool, error)
	dropContext func(ctx context.Context, id session.ID, cond session.Condition) error
	migrate     func(ctx context.Context, id session.ID, to session.NodeID) (session.Session, error)
	nodes       func(ctx context.Context) ([]session.Node, error)
	node        func(ctx context.Context, id session.NodeID) (session.Node, error)
	setState    func(ctx context.Context, id session.NodeID, state session.NodeState) (session.Node, error)
	assignments func(ctx context.Context, id session.NodeID) ([]session.Assignment, error)
	drain       func(ctx context.Context, id session.NodeID, within time.Duration) (session.Node, error)
	rebalance   func(ctx context.Context, dryRun bool) (session.Rebalance, error)
	recent      func(ctx context.Context, id session.ID, limit int) ([]session.Event, error)
	ofNodes     func(ctx context.Context, limit int) ([]session.Event, error)
	pageEvents  func(ctx context.Context, cursor string, f session.EventFilter, limit int) (session.EventPage, error)
	follow      func(ctx context.Context, cursor string, f session.EventFilter) (EventStream, error)
	endEvents   func(reason string)
	cluster     func(ctx context.Context) (session.ClusterMetrics, error)
	local       func(ctx context.Context) session.LocalMetrics
	ready       func(ctx context.Context) []session.Check
}

func (f *fake) Create(ctx context.Context, d session.Draft, idem session.Idempotency) (session.Session, bool, error) {
	return f.create(ctx, d, idem)
}
func (f *fake) CreateBatch(ctx context.Context, drafts []session.Draft) []session.Result {
	return f.createBatch(ctx, drafts)
}
func (f *fake) Get(ctx context.Context, id session.ID, c session.Consistency) (session.Session, error) {
	return f.get(ctx, id, c)
}
func (f *fake) Update(ctx context.Context, id session.ID, p session.Patch, cond session.Condition) (session.Session, error) {
	return f.update(ctx, id, p, cond)
}
func (f *fake) Delete(ctx context.Context, id session.ID, cond session.Condition) error {
	return f.remove(ctx, id, cond)
}
func (f *fake) List(ctx context.Context, want session.Listing) (session.Page, error) {
	return f.list(ctx, want)
}
func (f *fake) Explain(ctx context.Context, id session.ID) (session.Explanation, error) {
	return f.explain(ctx, id)
}
func (f *fake) DryRun(ctx context.Context, d session.Draft) (session.DryRun, error) {
	return f.dryRun(ctx, d)
}
func (f *fake) Publish(ctx context.Context, id session.ID, p session.Publication) ([]session.Message, error) {
	return f.publish(ctx, id, p)
}
func (f *fake) Messages(ctx context.Context, id session.ID, q session.MessageQuery, c session.Consistency) (session.MessagePage, error) {
	return f.messages(ctx, id, q, c)
}
func (f *fake) Published(id session.ID) (<-chan struct{}, func()) { return f.published(id) }
func (f *fake) Context(ctx context.Context, id session.ID, c session.Consistency) (session.Context, error) {
	return f.getContext(ctx, id, c)
}
func (f *fake) PutContext(ctx context.Context, id session.ID, c session.Context, cond session.Condition) (session.Stamp, bool, error) {
	return f.putContext(ctx, id, c, cond)
}
func (f *fake) DropContext(ctx context.Context, id session.ID, cond session.Condition) error {
	return f.dropContext(ctx, id, cond)
}
func (f *fake) Migrate(ctx context.Context, id session.ID, to session.NodeID) (session.Session, error) {
	return f.migrate(ctx, id, to)
}
func (f *fake) Nodes(ctx context.Context) ([]session.Node, error) { return f.nodes(ctx) }
func (f *fake) Node(ctx context.Context, id session.NodeID) (session.Node, error) {
	return f.node(ctx, id)
}
func (f *fake) SetState(ctx context.Context, id session.NodeID, state session.NodeState) (session.Node, error) {
	return f.setState(ctx, id, state)
}
func (f *fake) Assignments(ctx context.Context, id session.NodeID) ([]session.Assignment, error) {
	return f.assignments(ctx, id)
}
func (f *fake) Drain(ctx context.Context, id session.NodeID, within time.Duration) (session.Node, error) {
	return f.drain(ctx, id, within)
}
func (f *fake) Rebalance(ctx context.Context, dryRun bool) (session.Rebalance, error) {
	return f.rebalance(ctx, dryRun)
}
func (f *fake) Page(ctx context.Context, cursor string, fi session.EventFilter, limit int) (session.EventPage, error) {
	return f.pageEvents(ctx, cursor, fi, limit)
}
func (f *fake) ForSession(ctx context.Context, id session.ID, limit int) ([]session.Event, error) {
	if f.recent == nil {
		return nil, session.ErrNotFound
	}
	return f.recent(ctx, id, limit)
}
func (f *fake) OfNodes(ctx context.Context, limit int) ([]session.Event, error) {
	return f.ofNodes(ctx, limit)
}
func (f *fake) Follow(ctx context.Context, cursor string, fi session.EventFilter) (EventStream, error) {
	return f.follow(ctx, cursor, fi)
}
func (f *fake) End(reason string) {
	if f.endEvents != nil {
		f.endEvents(reason)
	}
}
func (f *fake) Cluster(ctx context.Context) (session.ClusterMetrics, error) { return f.cluster(ctx) }
func (f *fake) Now() time.Time                                              { return time.Date(2026, 3, 4, 5, 7, 0, 0, time.UTC) }
func (f *fake) Local(ctx context.Context) session.LocalMetrics              { return f.local(ctx) }
func (f *fake) Ready(ctx context.Context) []session.Check                   { return f.ready(ctx) }

const (
	someID = "01890a5d-ac96-774b-bcce-b302099a8057"
	someOp = "01890a5d-ac96-774b-bcce-b302099a8058"
)

// sample is a session with every field set.
func sample() session.Session {
	at := time.Date(2026, 3, 4, 5, 6, 7, 89_500_000, time.FixedZone("", 3600))
	return session.Session{
		ID: someID, Type: "claude-code", Name: "fix <the> build", Workspace: "/srv/repo",
		Config: map[string]any{"model": "opus", "turns": int64(9007199254740993), "temperature": 0.5, "tools": []any{"bash", nil, true}},
		Labels: map[string]string{"team": "infra"}, Status: session.Idle,
		Holder: session.Holder{Node: "node-1", Incarnation: "00112233445566aa"},
		Stamp:  session.Stamp{Epoch: 3, Version: 7, Op: someOp}, Copies: 1,
		CreatedAt: at, UpdatedAt: at.Add(time.Minute), OwnedAt: at.Add(time.Second), ExpiresAt: at.Add(time.Hour),
	}
}

const sampleETag = `"3.7.` + someOp + `"`

// config is a valid configuration over f, with a board that nobody feeds.
func config(f *fake) Config {
	board, err := assignments.New(assignments.Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	return Config{
		Sessions: f, Messages: f, Contexts: f, Catalog: f, Explainer: f, Nodes: f, Operations: f, Board: asItIs{board}, Events: f, Metrics: f, Health: f,
		Node: "node-1", Version: "1.2.3", Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	}
}

// handlerOf returns the handler, with every exchange held to the description of the API.
func handlerOf(t testing.TB, cfg Config) http.Handler { return watch(t, cfg, false) }

// handlerOfAnyProblem is handlerOf where use cases answer with errors that they do not have.
func handlerOfAnyProblem(t testing.TB, cfg Config) http.Handler { return watch(t, cfg, true) }

func watch(t testing.TB, cfg Config, anyProblem bool) http.Handler {
	t.Helper()
	h, err := New(cfg)
	require.NoError(t, err)
	if _, timed := t.(*testing.B); !timed {
		a := h.(*api)
		a.engine = watched{t, a.engine, anyProblem}
	}
	return h
}

// response is an answer with its body at hand.
type response struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

// call sends one request: target is "METHOD /path?query"; headers are pairs of name and value. A body without a Content-Type
// among them is JSON.
func call(t testing.TB, h http.Handler, target, body string, headers ...string) response {
	t.Helper()
	method, url, ok := strings.Cut(target, " ")
	require.True(t, ok, "target %q is not METHOD /path", target)
	req := httptest.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Content-Type" {
			req.Header.Del("Content-Type")
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	return do(t, h, req)
}

func do(t testing.TB, h http.Handler, req *http.Request) response {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return response{t, rec.Code, rec.Header(), rec.Body.String()}
}

// ok requires a status and returns the body decoded.
func (r response) ok(status int) map[string]any {
	r.t.Helper()
	require.Equal(r.t, status, r.status, r.body)
	require.Equal(r.t, "application/json", r.header.Get("Content-Type"))
	var v map[string]any
	require.NoError(r.t, json.Unmarshal([]byte(r.body), &v))
	return v
}

// problem requires a problem document of that status and code, whole and consistent, and returns it.
func (r response) problem(status int, code string) map[string]any {
	r.t.Helper()
	require.Equal(r.t, status, r.status, r.body)
	require.Equal(r.t, "application/problem+json", r.header.Get("Content-Type"), r.body)
	var p map[string]any
	require.NoError(r.t, json.Unmarshal([]byte(r.body), &p))
	require.Equal(r.t, code, p["code"], r.body)
	require.Equal(r.t, "urn:orchestrator:problem:"+code, p["type"])
	require.EqualValues(r.t, status, p["status"])
	require.Equal(r.t, r.header.Get("X-Request-Id"), p["requestId"])
	require.NotEmpty(r.t, p["title"])
	require.NotEmpty(r.t, p["detail"])
	return p
}

// invalid requires a 400 that names the field.
func (r response) invalid(field string) map[string]any {
	r.t.Helper()
	p := r.problem(http.StatusBadRequest, "invalid-request")
	require.Equal(r.t, field, p["field"], r.body)
	require.Contains(r.t, p["detail"], field)
	return p
}

// asItIs is a board whose streams begin with what it was fed.
type asItIs struct{ *assignments.Board }

func (b asItIs) Follow(context.Context) (*assignments.Follower, error) { return b.Board.Follow() }

// fail has every use case answer with err.
func (f *fake) fail(err error) {
	f.create = func(context.Context, session.Draft, session.Idempotency) (session.Session, bool, error) {
		return session.Session{}, false, err
	}
	f.get = func(context.Context, session.ID, session.Consistency) (session.Session, error) {
		return session.Session{}, err
	}
	f.update = func(context.Context, session.ID, session.Patch, session.Condition) (session.Session, error) {
		return session.Session{}, err
	}
	f.remove = func(context.Context, session.ID, session.Condition) error { return err }
	f.list = func(context.Context, session.Listing) (session.Page, error) { return session.Page{}, err }
	f.ofNodes = func(context.Context, int) ([]session.Event, error) { return nil, err }
	f.pageEvents = func(context.Context, string, session.EventFilter, int) (session.EventPage, error) {
		return session.EventPage{}, err
	}
	f.explain = func(context.Context, session.ID) (session.Explanation, error) { return session.Explanation{}, err }
	f.dryRun = func(context.Context, session.Draft) (session.DryRun, error) { return session.DryRun{}, err }
	f.migrate = func(context.Context, session.ID, session.NodeID) (session.Session, error) {
		return session.Session{}, err
	}
	f.publish = func(context.Context, session.ID, session.Publication) ([]session.Message, error) { return nil, err }
	f.messages = func(context.Context, session.ID, session.MessageQuery, session.Consistency) (session.MessagePage, error) {
		return session.MessagePage{}, err
	}
	f.getContext = func(context.Context, session.ID, session.Consistency) (session.Context, error) {
		return session.Context{}, err
	}
	f.putContext = func(context.Context, session.ID, session.Context, session.Condition) (session.Stamp, bool, error) {
		return session.Stamp{}, false, err
	}
	f.dropContext = func(context.Context, session.ID, session.Condition) error { return err }
	f.nodes = func(context.Context) ([]session.Node, error) { return nil, err }
	f.node = func(context.Context, session.NodeID) (session.Node, error) { return session.Node{}, err }
	f.setState = func(context.Context, session.NodeID, session.NodeState) (session.Node, error) {
		return session.Node{}, err
	}
	f.assignments = func(context.Context, session.NodeID) ([]session.Assignment, error) { return nil, err }
	f.drain = func(context.Context, session.NodeID, time.Duration) (session.Node, error) { return session.Node{}, err }
	f.rebalance = func(context.Context, bool) (session.Rebalance, error) { return session.Rebalance{}, err }
	f.cluster = func(context.Context) (session.ClusterMetrics, error) { return session.ClusterMetrics{}, err }
	f.createBatch = func(_ context.Context, drafts []session.Draft) []session.Result {
		return slices.Repeat([]session.Result{{Err: err}}, len(drafts))
	}
}

// failingBoard answers with err.
type failingBoard struct {
	Board
	err error
}

func (b failingBoard) Follow(context.Context) (*assignments.Follower, error) { return nil, b.err }
func (b failingBoard) Ack(string, ...assignments.Released) error             { return b.err }
