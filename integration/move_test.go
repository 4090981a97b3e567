package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"orchestrator/client"
	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// mover is `orchestrator sessions move` through proxies that kill it at one of the changes that it asks for.
type mover struct {
	from, to string
	changes  atomic.Int64 // since it was started
	killAt   atomic.Int64 // 0: never
	applied  atomic.Bool  // the change is carried out all the same
	kill     atomic.Pointer[func()]
}

// proxy forwards to a node, and kills the mover when it is time.
func (m *mover) proxy(t *testing.T, node string) string {
	t.Helper()
	u, err := url.Parse(node)
	if err != nil {
		t.Fatal(err)
	}
	to := httputil.NewSingleHostReverseProxy(u)
	to.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {} // of a mover that was killed
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || m.changes.Add(1) != m.killAt.Load() {
			to.ServeHTTP(w, r)
			return
		}
		if m.applied.Load() {
			to.ServeHTTP(httptest.NewRecorder(), r)
		}
		(*m.kill.Load())()
		panic(http.ErrAbortHandler) // without an answer
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// run moves everything, unless it is killed.
func (m *mover) run(t *testing.T, killAt int64, applied bool) (whole bool, out string) {
	t.Helper()
	m.changes.Store(0)
	m.killAt.Store(killAt)
	m.applied.Store(applied)
	cmd := exec.CommandContext(t.Context(), harness.Build(t), "sessions", "move", "--from", m.from, "--to", m.to, "--from-name=old", "--settle=0", "--concurrency=3")
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	started := make(chan struct{})
	kill := func() {
		<-started
		_ = cmd.Process.Kill()
	}
	m.kill.Store(&kill)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	err := cmd.Wait()
	return err == nil, fmt.Sprintf("%v: %s", err, &text)
}

// A mover that is killed again and again, and run again, moves each session once, with its context and what
// it has said; at no end of a run is one in neither fleet.
func TestSessionsMoveBetweenFleetsThoughTheMoverIsKilled(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		old, fresh := startFleet(t, r, 1), startFleet(t, r, 2)
		source, target := goClient(t, old.url(0)), goClient(t, fresh.url(1))
		var want []string
		says := map[string][]string{}
		for i := range 9 {
			s, err := source.CreateSession(t.Context(), client.Draft{Type: "dev", Name: fmt.Sprint("s", i), Workspace: "/w"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := source.PutContext(t.Context(), s.ID, []byte(s.Name), "text/plain", client.ContextCondition{}); err != nil {
				t.Fatal(err)
			}
			want = append(want, s.Name)
			says[s.Name] = numbered(0, 130)
			ids := sayAll(t, source, s.ID, says[s.Name])
			if _, err := source.PatchSession(t.Context(), s.ID, client.Patch{Labels: map[string]string{"runner.after": ids[readUpTo]}}, client.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
		m := &mover{}
		m.from, m.to = m.proxy(t, old.url(0)), m.proxy(t, fresh.url(0))
		for round := int64(1); ; round++ {
			killAt := 2 + round%5
			if round > 40 {
				killAt = 0
			}
			whole, out := m.run(t, killAt, round%2 == 0)
			here, there := named(t, source), named(t, target)
			for _, name := range want {
				if len(here[name])+len(there[name]) == 0 || len(here[name]) > 1 || len(there[name]) > 1 {
					t.Fatalf("round %d: %s is %d times at the source and %d times at the target: %s", round, name, len(here[name]), len(there[name]), out)
				}
				if len(here[name]) == 1 && len(there[name]) == 1 && there[name][0].Labels["moving-from"] != "old" {
					t.Fatalf("round %d: both may run %s: %s", round, name, out)
				}
			}
			if whole {
				t.Logf("moved in %d rounds", round)
				break
			}
			if round > 40 {
				t.Fatal(out)
			}
			for name, all := range here { // the conversations that are at the source go on there
				text := fmt.Sprint("round ", round)
				_, err := source.Publish(t.Context(), all[0].ID, client.Publication{}, client.MessageDraft{Kind: "input", Data: text})
				if errors.Is(err, client.ErrNotFound) { // a deletion that the mover had under way has come
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				says[name] = append(says[name], text)
			}
		}
		there := named(t, target)
		if left := named(t, source); len(left) != 0 || len(there) != len(want) {
			t.Fatalf("%d at the source, %d at the target", len(left), len(there))
		}
		for _, name := range slices.Sorted(slices.Values(want)) {
			s := there[name][0]
			b, err := target.GetContext(t.Context(), s.ID)
			if err != nil || string(b.Data) != name || len(s.Labels) != 2 {
				t.Errorf("%s: %v, context %q %v", name, s.Labels, b.Data, err)
			}
			if got := heardAfter(t, target, s.ID, ""); !slices.Equal(got, says[name]) {
				t.Errorf("%s says %q, want %q", name, got, says[name])
			}
			if got := heardAfter(t, target, s.ID, s.Labels["runner.after"]); !slices.Equal(got, says[name][readUpTo+1:]) {
				t.Errorf("%s goes on with %q", name, got)
			}
		}
	})
}

// A copy that is not as its session any more is made anew, though the fleet does not make again what was deleted under an idempotency key.
func TestSessionsMoveMakesACopyAnew(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		old, fresh := startFleet(t, r, 1), startFleet(t, r, 1)
		source, target := goClient(t, old.url(0)), goClient(t, fresh.url(0))
		m := &mover{}
		m.from, m.to = m.proxy(t, old.url(0)), m.proxy(t, fresh.url(0))
		remove := func(id string) error { return target.DeleteSession(t.Context(), id, client.Condition{}) }
		for name, row := range map[string]struct {
			ttl  time.Duration
			fast client.Durability
			meet func(id string) error // what becomes of the copy
		}{
			"deleted": {meet: remove}, "deleted, of one that expires": {ttl: time.Hour, meet: remove},
			"spoken in": {fast: client.Fast, meet: func(id string) error {
				_, err := target.Publish(t.Context(), id, client.Publication{}, client.MessageDraft{Data: "x"})
				return err
			}},
			"changed": {ttl: time.Hour, meet: func(id string) error {
				_, err := target.PatchSession(t.Context(), id, client.Patch{Config: map[string]any{"x": 1}}, client.Condition{})
				return err
			}},
		} {
			s, err := source.CreateSession(t.Context(), client.Draft{Type: "dev", Name: name, Workspace: "/w", TTL: row.ttl, Durability: row.fast})
			if err != nil {
				t.Fatal(err)
			}
			sayAll(t, source, s.ID, numbered(0, 20))
			for range 2 {
				m.run(t, 3, true) // mark, copy, publish; then less, if it is marked, and more where keys were used
				for _, c := range named(t, target)[name] {
					if err := row.meet(c.ID); err != nil {
						t.Fatal(err)
					}
				}
			}
			if whole, out := m.run(t, 0, false); !whole {
				t.Fatalf("%s: %s", name, out)
			}
			there := named(t, target)[name]
			if left := named(t, source); len(left) != 0 || len(there) != 1 {
				t.Fatalf("%s: %d at the source, %d at the target", name, len(left), len(there))
			}
			is := there[0]
			if got := heardAfter(t, target, is.ID, ""); !slices.Equal(got, numbered(0, 20)) {
				t.Errorf("%s says %q", name, got)
			}
			if len(is.Labels) != 1 || len(is.Config) != 0 || is.Durability != row.fast || is.ExpiresAt.IsZero() != (row.ttl == 0) {
				t.Errorf("%s: %+v", name, is)
			}
		}
	})
}

// readUpTo is which message of each session was read at the source.
const readUpTo = 47

func numbered(from, to int) (texts []string) {
	for i := range to - from {
		texts = append(texts, fmt.Sprint("line ", from+i))
	}
	return texts
}

// sayAll publishes in a session, and returns the ids.
func sayAll(t *testing.T, c *client.Client, id string, texts []string) (ids []string) {
	t.Helper()
	for part := range slices.Chunk(texts, 100) {
		drafts := make([]client.MessageDraft, len(part))
		for i, text := range part {
			drafts[i] = client.MessageDraft{Kind: "input", Data: text}
		}
		made, err := c.Publish(t.Context(), id, client.Publication{}, drafts...)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range made {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// heardAfter returns what a session has said behind a message.
func heardAfter(t *testing.T, c *client.Client, id, after string) (texts []string) {
	t.Helper()
	page, err := c.Messages(t.Context(), id, client.MessageSelection{After: after, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range page.Messages {
		var text string
		if err := json.Unmarshal(m.Data, &text); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	return texts
}

func goClient(t *testing.T, addr string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Addrs: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// named returns a fleet's sessions by name.
func named(t *testing.T, c *client.Client) map[string][]client.Session {
	t.Helper()
	all := map[string][]client.Session{}
	for s, err := range c.AllSessions(t.Context(), client.Selection{}) {
		if err != nil {
			t.Fatal(err)
		}
		all[s.Name] = append(all[s.Name], s)
	}
	return all
}
