package integration

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	domain "orchestrator/internal/session"
)

// consumer follows a session's messages through one node after the other, going on after the last message that it got.
type consumer struct {
	t    *testing.T
	path string
	urls []string

	mu   sync.Mutex
	last string
	got  []int
}

func (c *consumer) run(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		if err := c.follow(ctx, c.urls[i%len(c.urls)]); err != nil && ctx.Err() == nil {
			c.t.Logf("a stream ended: %v", err)
			time.Sleep(50 * time.Millisecond) // as any client would, before it tries again
		}
	}
}

// follow reads one stream to its end.
func (c *consumer) follow(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+c.path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	if c.last != "" {
		req.Header.Set("Last-Event-ID", c.last)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", resp.Status)
	}
	id, name := "", ""
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			if name == "message" {
				c.take(id, value)
			}
		}
	}
	return fmt.Errorf("it broke off: %w", lines.Err())
}

func (c *consumer) take(id, data string) {
	var m struct {
		Data struct{ N int }
	}
	if err := json.Unmarshal([]byte(data), &m); err != nil {
		c.t.Errorf("%v in %s", err, data)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.got = id, append(c.got, m.Data.N)
}

func (c *consumer) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.got)
}

// A consumer gets every message that was acknowledged, once and in order, though the node that it follows through is killed, and then the Redis
// master that holds the session.
func TestFollowersMissNothing(t *testing.T) {
	t.Parallel()
	r := redistest.NewCluster(t)
	f := startFleet(t, r, 3, "--heartbeat-timeout", "3s", "--gossip-interval", "500ms")
	id := read[session](t, call(t, "POST", f.url(0)+"/v1/sessions", draft("talk")).want(t, 201)).ID
	path := "/v1/sessions/" + id + "/messages"
	ctx, stop := context.WithCancel(t.Context())
	c := &consumer{t: t, path: path, urls: []string{f.nodes[1].URL(), f.nodes[2].URL()}}
	var wg sync.WaitGroup
	wg.Go(func() { c.run(ctx) })
	t.Cleanup(func() { stop(); wg.Wait() })

	published := 0
	publish := func(n int) {
		for range n {
			published++
			body, key := fmt.Sprintf(`{"data":{"n":%d}}`, published), fmt.Sprint("k", published)
			eventually(t, 60*time.Second, func() string {
				a, err := try(t.Context(), "POST", f.url(0)+path, body, "Idempotency-Key", key)
				if err != nil || a.status != http.StatusCreated {
					return fmt.Sprintf("publish %d: %v %d %s", published, err, a.status, a.body)
				}
				return ""
			})
		}
	}
	caughtUp := func() {
		t.Helper()
		eventually(t, 60*time.Second, func() string {
			if n := c.count(); n != published {
				return fmt.Sprintf("%d of %d messages came", n, published)
			}
			return ""
		})
	}
	publish(20)
	caughtUp()
	f.nodes[1].Kill(t)
	publish(20)
	caughtUp()
	keys, err := keyspace.New(f.prefix, 256)
	if err != nil {
		t.Fatal(err)
	}
	master := r.MasterOf(t, keys.HomeSlot(keys.Partition(domain.ID(id))))
	master.Kill(t)
	publish(20)
	caughtUp()
	for i, n := range c.got {
		if n != i+1 {
			t.Fatalf("message %d came in the place of %d: %v", n, i+1, c.got)
		}
	}
	call(t, "DELETE", f.url(0)+"/v1/sessions/"+id, nil).want(t, 204)
}
