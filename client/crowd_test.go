package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"orchestrator/client"
	"orchestrator/client/clienttest"
)

// crowded is a node that gives a client one stream at a time.
type crowded struct {
	http.Handler

	refused chan struct{} // a stream was

	mu   sync.Mutex
	open bool
	last time.Time // when one was refused; zero: none was
	soon bool      // one was asked for again before its time
}

func (n *crowded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		n.Handler.ServeHTTP(w, r)
		return
	}
	if !n.enter() {
		w.Header().Set("Retry-After", "1")
		problem(http.StatusTooManyRequests, "rate-limited")(w, r)
		n.refused <- struct{}{}
		return
	}
	defer n.leave()
	n.Handler.ServeHTTP(w, r)
}

func (n *crowded) enter() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.soon = n.soon || !n.last.IsZero() && time.Since(n.last) < time.Second
	if n.open {
		n.last = time.Now()
		return false
	}
	n.open = true
	return true
}

func (n *crowded) leave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open = false
}

// Whoever is told that a client has as many streams as it may waits as long as the node asks for, and follows once one of them has ended.
func TestAFollowerWaitsForAPlace(t *testing.T) {
	t.Parallel()
	for name, follow := range map[string]func(ctx context.Context, c *client.Client, id, cursor string) error{
		"messages": func(ctx context.Context, c *client.Client, id, _ string) error {
			for _, err := range c.FollowMessages(ctx, id, client.MessageSelection{}) {
				return err
			}
			return errors.New("it ended")
		},
		"events": func(ctx context.Context, c *client.Client, _, cursor string) error {
			for _, err := range c.WatchEvents(ctx, client.EventSelection{Cursor: cursor}) {
				return err
			}
			return errors.New("it ended")
		},
		"assignments": func(ctx context.Context, c *client.Client, _, _ string) error {
			for l, err := range c.Follow(ctx, "node-1") {
				if errors.Is(err, client.ErrRateLimited) {
					continue // told, and tried again
				}
				if err == nil {
					err = l.Release(ctx)
				}
				return err
			}
			return errors.New("it ended")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			f := clienttest.New("node-1")
			n := &crowded{Handler: f.Node("node-1"), refused: make(chan struct{}, 100)}
			s := httptest.NewServer(n)
			t.Cleanup(s.Close)
			f.Reached("node-1", strings.TrimPrefix(s.URL, "http://"))
			c := newClient(t, client.Config{Addrs: []string{s.URL}})
			page, err := c.Events(ctx, client.EventSelection{Cursor: client.Latest})
			if err != nil {
				t.Fatal(err)
			}
			made, err := c.CreateSession(ctx, someDraft)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Publish(ctx, made.ID, client.Publication{}, client.MessageDraft{Data: 1}); err != nil {
				t.Fatal(err)
			}
			if !n.enter() { // somebody of the same address follows
				t.Fatal("it is crowded from the beginning")
			}
			got := make(chan error, 1)
			go func() { got <- follow(ctx, c, made.ID, page.Next) }()
			await(t, n.refused)
			n.leave()
			if err := await(t, got); err != nil {
				t.Error(err)
			}
			n.mu.Lock()
			defer n.mu.Unlock()
			if n.soon {
				t.Error("it did not wait as long as it was asked to")
			}
		})
	}
}
