package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"orchestrator/client"
	"orchestrator/client/clienttest"
)

const someID = "01890a5d-ac96-774b-bcce-b302099a8057"

var someDraft = client.Draft{Type: "development", Name: "n", Workspace: "/w"}

// refusing is an address where nobody listens.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return "http://" + l.Addr().String()
}

func newClient(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// What may have been done is sent again only if a second time changes nothing more; what was certainly not done always is.
func TestRequestsAreSentAgainWhereThatIsSafe(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	patch := client.Patch{Name: "b"}
	calls := map[string]struct {
		call func(*client.Client) error
		safe bool
	}{
		"get":    {func(c *client.Client) error { _, err := c.GetSession(ctx, someID); return err }, true},
		"create": {func(c *client.Client) error { _, err := c.CreateSession(ctx, someDraft); return err }, true},
		"batch":  {func(c *client.Client) error { _, err := c.CreateSessions(ctx, []client.Draft{}); return err }, false},
		"patch": {func(c *client.Client) error {
			_, err := c.PatchSession(ctx, someID, patch, client.Condition{})
			return err
		}, false},
		"patch under *": {func(c *client.Client) error {
			_, err := c.PatchSession(ctx, someID, patch, client.Condition{IfMatch: "*"})
			return err
		}, false},
		"patch as holder": {func(c *client.Client) error {
			_, err := c.PatchSession(ctx, someID, patch, client.Condition{Epoch: 1})
			return err
		}, false},
		"patch under etag": {func(c *client.Client) error {
			_, err := c.PatchSession(ctx, someID, patch, client.Condition{IfMatch: `"1"`})
			return err
		}, true},
		"delete":  {func(c *client.Client) error { return c.DeleteSession(ctx, someID, client.Condition{}) }, true},
		"migrate": {func(c *client.Client) error { _, err := c.MigrateSession(ctx, someID, ""); return err }, false},
		"publish": {func(c *client.Client) error {
			_, err := c.Publish(ctx, someID, client.Publication{}, client.MessageDraft{Data: 1})
			return err
		}, true},
		"put context": {func(c *client.Client) error {
			_, err := c.PutContext(ctx, someID, nil, "", client.ContextCondition{})
			return err
		}, false},
		"put first context": {func(c *client.Client) error {
			_, err := c.PutContext(ctx, someID, nil, "", client.ContextCondition{Absent: true})
			return err
		}, true},
		"delete context": {func(c *client.Client) error { return c.DeleteContext(ctx, someID, client.Condition{}) }, false},
		"cordon":         {func(c *client.Client) error { _, err := c.Cordon(ctx, "node-1"); return err }, true},
		"rebalance":      {func(c *client.Client) error { _, err := c.Rebalance(ctx, false); return err }, false},
		"rebalance, dry": {func(c *client.Client) error { _, err := c.Rebalance(ctx, true); return err }, true},
	}
	faults := map[string]struct {
		answer  http.HandlerFunc
		nothing bool // was done for certain
	}{
		"draining":          {problem(503, "draining"), true},
		"rate-limited":      {problem(429, "rate-limited"), true},
		"store-unavailable": {problem(503, "store-unavailable"), false},
		"a proxy's 502":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, false},
		"cut off":           {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false},
	}
	for fault, f := range faults {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			bad := httptest.NewServer(f.answer)
			defer bad.Close()
			for name, call := range calls {
				keys, asked := make(chan string, 10), new(atomic.Int64)
				good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					asked.Add(1)
					keys <- r.Header.Get("X-Request-Id")
					_, _ = io.WriteString(w, `{"results":[]}`)
				}))
				c := newClient(t, client.Config{Addrs: []string{bad.URL, good.URL}})
				err := call.call(c)
				c.Close()
				good.Close()
				if again := f.nothing || call.safe; again != (err == nil) || again != (asked.Load() == 1) {
					t.Errorf("%s: %v, and the other node was asked %d times", name, err, asked.Load())
				}
				var e *client.Error
				if reads := name == "get" || name == "rebalance, dry"; errors.As(err, &e) && e.Unsure == reads {
					t.Errorf("%s: unsure is %t: %v", name, e.Unsure, err)
				}
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"results":[]}`) }))
		defer good.Close()
		for name, call := range calls {
			if err := call.call(newClient(t, client.Config{Addrs: []string{refusing(t), good.URL}})); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func problem(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"code":%q,"status":%d,"title":"t","detail":"d"}`, code, status)
	}
}

// A create whose answer was lost is sent again with the same key and the same bytes, and makes one session.
func TestACreateWhoseAnswerWasLostMakesOneSession(t *testing.T) {
	t.Parallel()
	f := serve(t, "node-1", "node-2")
	f.Fail("node-1", 1, 503, "store-unavailable", true)
	c := f.client(t)
	made, err := c.CreateSession(t.Context(), someDraft)
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.ListSessions(t.Context(), client.Selection{})
	if err != nil || len(page.Sessions) != 1 || page.Sessions[0].ID != made.ID {
		t.Fatalf("%+v, %v", page, err)
	}
}

func TestADeleteWhoseAnswerWasLostSucceeds(t *testing.T) {
	t.Parallel()
	f := serve(t, "node-1", "node-2")
	c := f.client(t)
	made, err := c.CreateSession(t.Context(), someDraft)
	if err != nil {
		t.Fatal(err)
	}
	f.Fail("node-1", 1, 503, "store-unavailable", true)
	if err := c.DeleteSession(t.Context(), made.ID, client.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteSession(t.Context(), made.ID, client.Condition{}); !errors.Is(err, client.ErrNotFound) {
		t.Fatal(err)
	}
}

// A change under an ETag whose answer was lost is refused when it is repeated, and the error says that it may be this very change.
func TestAPatchWhoseAnswerWasLostSaysThatItIsUnsure(t *testing.T) {
	t.Parallel()
	f := serve(t, "node-1", "node-2")
	c := f.client(t)
	made, err := c.CreateSession(t.Context(), someDraft)
	if err != nil {
		t.Fatal(err)
	}
	f.Fail("node-1", 1, 503, "store-unavailable", true)
	_, err = c.PatchSession(t.Context(), made.ID, client.Patch{Name: "b"}, client.Condition{IfMatch: made.ETag})
	var e *client.Error
	if !errors.Is(err, client.ErrVersionMismatch) || !errors.As(err, &e) || !e.Unsure {
		t.Fatal(err)
	}
	if s, err := c.GetSession(t.Context(), made.ID); err != nil || s.Name != "b" {
		t.Fatalf("%+v, %v", s, err)
	}
}

// The client stays with the node that answers, though the first one is back.
func TestTheClientStaysWithAGoodNode(t *testing.T) {
	t.Parallel()
	f := serve(t, "node-1", "node-2")
	c := f.client(t)
	f.Stop("node-1")
	for range 3 {
		if _, err := c.Nodes(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.Start("node-1")
	}
	f.Fail("node-1", 1, 500, "internal", false)
	if _, err := c.Nodes(t.Context()); err != nil {
		t.Fatalf("it went back to the first node: %v", err)
	}
}

// One node alone is left alone for as long as it asks for, and the call waits for that; where there is no time for it, it does not wait at all.
func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	f := serve(t, "node-1")
	c := f.client(t)
	f.Fail("node-1", 1, 503, "store-unavailable", false) // with Retry-After: 1
	began := time.Now()
	if _, err := c.Nodes(t.Context()); err != nil || time.Since(began) < time.Second {
		t.Fatalf("%v after %s", err, time.Since(began))
	}
	f.Fail("node-1", 1, 503, "store-unavailable", false)
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	_, err := c.Nodes(ctx)
	var e *client.Error
	if !errors.Is(err, client.ErrUnavailable) || !errors.As(err, &e) || e.RetryAfter != time.Second || ctx.Err() != nil {
		t.Fatalf("%v, with the context %v", err, ctx.Err())
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	hung := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		close(hung)
	}))
	defer s.Close()
	c := newClient(t, client.Config{Addrs: []string{s.URL}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // for the request to arrive
	defer cancel()
	_, err := c.PatchSession(ctx, someID, client.Patch{Name: "b"}, client.Condition{})
	var e *client.Error
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &e) || !e.Unsure || e.Code != client.CodeNoAnswer {
		t.Fatal(err)
	}
	<-hung
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Nodes(done); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	c = newClient(t, client.Config{Addrs: []string{refusing(t)}})
	ctx, cancel = context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := c.CreateSession(ctx, someDraft); !errors.Is(err, client.ErrUnavailable) || errors.As(err, &e) && e.Unsure {
		t.Fatal(err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	f := serve(t, "node-1")
	s := httptest.NewServer(http.RedirectHandler(f.servers[0].URL+"/v1/nodes", http.StatusTemporaryRedirect))
	defer s.Close()
	_, err := newClient(t, client.Config{Addrs: []string{s.URL}}).Nodes(t.Context())
	var e *client.Error
	if !errors.As(err, &e) || e.Status != http.StatusTemporaryRedirect {
		t.Fatal(err)
	}
}

func TestAnAnswerHasALimit(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"nodes":[]`+strings.Repeat(" ", 1000)+"}")
	}))
	defer s.Close()
	if _, err := newClient(t, client.Config{Addrs: []string{s.URL}, MaxAnswer: 1012}).Nodes(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := newClient(t, client.Config{Addrs: []string{s.URL}, MaxAnswer: 1011}).Nodes(t.Context())
	var e *client.Error
	if !errors.As(err, &e) || e.Code != client.CodeBrokenAnswer || e.Unsure {
		t.Fatal(err)
	}
}

func TestAnEventOverTheLimitIsAnError(t *testing.T) {
	t.Parallel()
	f := serve(t, "node-1")
	d := someDraft
	d.Config = map[string]any{"large": strings.Repeat("x", 2000)}
	made, err := f.client(t).CreateSession(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.client(t).Publish(t.Context(), made.ID, client.Publication{}, client.MessageDraft{Data: strings.Repeat("x", 2000)}); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, client.Config{Addrs: f.addrs(), MaxAnswer: 1000})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for name, follow := range map[string]func() error{
		"messages": func() error {
			for _, err := range c.FollowMessages(ctx, made.ID, client.MessageSelection{}) {
				return err
			}
			return nil
		},
		"leases": func() error {
			for _, err := range c.Follow(ctx, "node-1") {
				return err
			}
			return nil
		},
		"run": func() error { return c.Run(ctx, "node-1", func(context.Context, *client.Lease) { t.Error("called") }) },
	} {
		var e *client.Error
		if err := follow(); !errors.As(err, &e) || e.Code != client.CodeBrokenAnswer || !strings.Contains(err.Error(), "more than 1000 bytes") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A stream that ends before it has told anything is told of, and the next one has to wait.
func TestAStreamThatTellsNothingIsAnError(t *testing.T) {
	t.Parallel()
	f := clienttest.New("node-1")
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/assignments") && asked.Add(1) <= 3 {
			w.Header().Set("Content-Type", "text/event-stream")
			return
		}
		f.Node("node-1").ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	c := newClient(t, client.Config{Addrs: []string{s.URL}})
	if _, err := c.CreateSession(t.Context(), someDraft); err != nil {
		t.Fatal(err)
	}
	errs := 0
	for l, err := range c.Follow(t.Context(), s.URL) {
		if err == nil {
			if err := l.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			break
		}
		if errs++; !errors.Is(err, client.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if errs == 0 {
		t.Fatal("nothing was told of the streams that told nothing")
	}
}

func TestWhatWouldChangeARequestIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t, client.Config{Addrs: []string{refusing(t)}})
	ctx := t.Context()
	long := strings.Repeat("k", 256)
	for field, call := range map[string]func() error{
		"id":             func() error { _, err := c.GetSession(ctx, someID+"/../x"); return err },
		"node":           func() error { _, err := c.Node(ctx, "a/b"); return err },
		"IfMatch":        func() error { return c.DeleteSession(ctx, someID, client.Condition{IfMatch: "\"a\"\r\nX: y"}) },
		"IdempotencyKey": func() error { d := someDraft; d.IdempotencyKey = long; _, err := c.CreateSession(ctx, d); return err },
		"contentType":    func() error { _, err := c.PutContext(ctx, someID, nil, "a\nb", client.ContextCondition{}); return err },
		"After": func() error {
			for _, err := range c.FollowMessages(ctx, someID, client.MessageSelection{After: "\x00"}) {
				return err
			}
			return nil
		},
		"Cursor": func() error {
			for _, err := range c.WatchEvents(ctx, client.EventSelection{Cursor: "ä"}) {
				return err
			}
			return nil
		},
		"ClearConfig": func() error {
			_, err := c.PatchSession(ctx, someID, client.Patch{ClearConfig: true, Config: map[string]any{}}, client.Condition{})
			return err
		},
		"RemoveLabels": func() error {
			_, err := c.PatchSession(ctx, someID, client.Patch{Labels: map[string]string{"a": "b"}, RemoveLabels: []string{"a"}}, client.Condition{})
			return err
		},
		"body": func() error {
			d := someDraft
			d.Config = map[string]any{"f": func() {}}
			_, err := c.CreateSession(ctx, d)
			return err
		},
	} {
		var e *client.Error
		if err := call(); !errors.Is(err, client.ErrInvalid) || !errors.As(err, &e) || e.Field != field || e.Status != 0 {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestAConfigThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	for _, cfg := range []client.Config{
		{},
		{Addrs: []string{""}},
		{Addrs: []string{"ftp://a"}},
		{Addrs: []string{"http://a/v1"}},
		{Addrs: []string{"http://a?b"}},
		{Addrs: []string{"http://me:secret@a"}},
		{Addrs: []string{"http://a b"}},
		{Addrs: []string{"a"}, Header: http.Header{"X": {"a\r\nb"}}},
		{Addrs: []string{"a"}, AttemptTimeout: -1},
		{Addrs: []string{"a"}, MaxAnswer: -1},
	} {
		if _, err := client.New(cfg); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	for _, addr := range []string{"127.0.0.1:8080", "http://a", "https://a:1/", "[::1]:80", "localhost:8080", "a"} {
		if _, err := client.New(client.Config{Addrs: []string{addr}}); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

// A stream of events that is ended because some are missing says where to go on: the next node knows.
func TestAWatchThatMissedEventsSaysWhereToGoOn(t *testing.T) {
	t.Parallel()
	f := clienttest.New("node-1")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/v1/events":
			f.Node("node-1").ServeHTTP(w, r)
		case r.Header.Get("Last-Event-ID") != "":
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusGone)
			_, _ = io.WriteString(w, `{"code":"cursor-gone","status":410,"latest":"now"}`)
		default:
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "id: c1\nevent: bookmark\ndata: {\"cursor\":\"c1\"}\n\nevent: end\ndata: {\"reason\":\"cursor-gone\"}\n\n")
		}
	}))
	t.Cleanup(s.Close)
	c := newClient(t, client.Config{Addrs: []string{s.URL}})
	for _, err := range c.WatchEvents(t.Context(), client.EventSelection{Cursor: "c0"}) {
		var e *client.Error
		if !errors.As(err, &e) || !errors.Is(err, client.ErrCursorGone) || e.Latest != "now" {
			t.Fatalf("%+v", err)
		}
		return
	}
	t.Fatal("it ended with nothing")
}

// The transport sends a request with a key again by itself. That nobody was there the second time does not mean that it was not done the first.
func TestARequestThatTheTransportRepeatedIsUnsure(t *testing.T) {
	t.Parallel()
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // the connection is kept, and used again
			_, _ = io.WriteString(w, `{"nodes":[]}`)
			return
		}
		_ = s.Listener.Close()
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}))
	t.Cleanup(s.Close)
	c := newClient(t, client.Config{Addrs: []string{s.URL}, RetryFor: -1})
	if _, err := c.Nodes(t.Context()); err != nil {
		t.Fatal(err)
	}
	var e *client.Error
	if _, err := c.CreateSession(t.Context(), someDraft); !errors.As(err, &e) || !e.Unsure {
		t.Fatalf("%+v", err)
	}
}
