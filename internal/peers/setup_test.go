package peers

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"orchestrator/internal/session"
)

const (
	patient  = 20 * time.Second // how long a test waits for what must happen
	interval = 20 * time.Millisecond
)

// stand answers health calls as a node does.
type stand struct {
	id     session.NodeID
	status atomic.Int64
	calls  atomic.Int64
	hang   chan struct{} // answers wait for its end; nil: they do not
}

func newStand(id session.NodeID) *stand {
	s := &stand{id: id}
	s.status.Store(http.StatusOK)
	return s
}

func (s *stand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.String() != "/readyz?exclude=quarantine" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if s.hang != nil && s.calls.Load() > 0 {
		<-s.hang
	}
	w.Header().Set("X-Orchestrator-Node", string(s.id))
	w.WriteHeader(int(s.status.Load()))
	_, _ = w.Write([]byte("readyz check passed\n"))
	s.calls.Add(1)
}

// serve has the stand listen until the test ends.
func (s *stand) serve(t *testing.T, edits ...func(*http.Server)) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(s)
	for _, edit := range edits {
		edit(srv.Config)
	}
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

// kill closes a server's port and connections.
func kill(srv *httptest.Server) { _ = srv.Config.Close() }

func nodeAt(id session.NodeID, port int) session.Node {
	return session.Node{Holder: session.Holder{Node: id, Incarnation: "first"}, Host: "127.0.0.1", Port: port, State: session.Ready}
}

func portOf(t *testing.T, addr string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// report is one call of Report.
type report struct {
	about    session.NodeID
	why      string
	watchers int
}

// fleet is a registry that remembers what it was told.
type fleet struct {
	mu      sync.Mutex
	view    []session.Node
	views   int
	burials []session.Holder
	reports []report
	woken   int
	outcome Outcome
	err     error
}

func (f *fleet) Self() session.Node { return nodeAt("self", 1) }

func (f *fleet) View() []session.Node {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.views++
	return slices.Clone(f.view)
}

func (f *fleet) Bury(_ context.Context, h session.Holder) (Outcome, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.burials = append(f.burials, h)
	return f.outcome, f.err
}

func (f *fleet) Report(_ context.Context, about session.Holder, why string, watchers int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, report{about.Node, why, watchers})
	return f.err
}

func (f *fleet) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.woken++
}

// show sets the view: these nodes and the watcher.
func (f *fleet) show(nodes ...session.Node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.view = append(slices.Clone(nodes), f.Self())
}

// say sets what burials and reports come to.
func (f *fleet) say(o Outcome, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outcome, f.err = o, err
}

func (f *fleet) buried() []session.Holder {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.burials)
}

func (f *fleet) reported() []report {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.reports)
}

func (f *fleet) looks() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.views
}

// watch runs a watch of the nodes until the test ends. No answer is too late for it that a busy machine may give.
func watch(t *testing.T, nodes ...session.Node) *fleet {
	t.Helper()
	return hastyWatch(t, patient, nodes...)
}

// hastyWatch waits so long for an answer.
func hastyWatch(t *testing.T, call time.Duration, nodes ...session.Node) *fleet {
	t.Helper()
	f := &fleet{outcome: Buried}
	f.show(nodes...)
	w, err := New(Config{Fleet: f, Wake: f.wake, Interval: interval})
	if err != nil {
		t.Fatal(err)
	}
	w.limits.call = call
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return f
}

// eventually polls until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(patient)
	defer limit.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("not within %s: %s", patient, what)
		}
	}
}

// rounds waits until the watch has gone round so often.
func (f *fleet) rounds(t *testing.T, n int) {
	t.Helper()
	from := f.looks()
	eventually(t, "rounds of the watch", func() bool { return f.looks() >= from+n })
}

// more waits for n more health calls.
func (s *stand) more(t *testing.T, n int64) {
	t.Helper()
	from := s.calls.Load()
	eventually(t, "health calls", func() bool { return s.calls.Load() >= from+n })
}
