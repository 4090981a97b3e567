package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"orchestrator/client"
	"orchestrator/client/clienttest"
)

// start serves a fleet in memory, in place of a real one.
func start() (c *client.Client, fleet *clienttest.Fleet, stop func()) {
	fleet = clienttest.New("node-1", "node-2")
	var addrs []string
	var servers []*httptest.Server
	for _, id := range []string{"node-1", "node-2"} {
		s := httptest.NewServer(fleet.Node(id))
		fleet.Reached(id, strings.TrimPrefix(s.URL, "http://"))
		addrs, servers = append(addrs, s.URL), append(servers, s)
	}
	c, err := client.New(client.Config{Addrs: addrs})
	if err != nil {
		panic(err)
	}
	return c, fleet, func() {
		c.Close()
		for _, s := range servers {
			s.Close()
		}
	}
}

func Example() {
	ctx := context.Background()
	c, _, stop := start()
	defer stop()

	s, err := c.CreateSession(ctx, client.Draft{Type: "development", Name: "fix-login", Workspace: "/srv/fix-login", TTL: 8 * time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Name, "is", s.Status, "at epoch", s.Epoch)

	s, err = c.PatchSession(ctx, s.ID, client.Patch{Status: client.Idle}, client.Condition{IfMatch: s.ETag})
	fmt.Println(s.Status, err)
	// Output:
	// fix-login is active at epoch 1
	// idle <nil>
}

// A condition that does not hold is an error that says what the state is.
func ExampleClient_PatchSession() {
	ctx := context.Background()
	c, _, stop := start()
	defer stop()

	read, _ := c.CreateSession(ctx, client.Draft{Type: "development", Name: "a", Workspace: "/srv/a"})
	changed, _ := c.PatchSession(ctx, read.ID, client.Patch{Name: "b"}, client.Condition{})

	_, err := c.PatchSession(ctx, read.ID, client.Patch{Name: "c"}, client.Condition{IfMatch: read.ETag})
	var e *client.Error
	if errors.Is(err, client.ErrVersionMismatch) && errors.As(err, &e) {
		fmt.Println("changed meanwhile:", e.CurrentETag == changed.ETag)
	}
	// Output: changed meanwhile: true
}

func ExampleClient_AllSessions() {
	ctx := context.Background()
	c, _, stop := start()
	defer stop()
	for i := range 3 {
		_, _ = c.CreateSession(ctx, client.Draft{Type: "development", Name: fmt.Sprint("s", i), Workspace: "/srv", Labels: map[string]string{"tier": "gold"}})
	}

	n := 0
	for s, err := range c.AllSessions(ctx, client.Selection{Labels: map[string]string{"tier": "gold"}}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if s.Status == client.Active {
			n++
		}
	}
	fmt.Println(n, "sessions")
	// Output: 3 sessions
}

func ExampleClient_FollowMessages() {
	ctx := context.Background()
	c, _, stop := start()
	defer stop()
	s, _ := c.CreateSession(ctx, client.Draft{Type: "development", Name: "a", Workspace: "/srv/a"})
	_, _ = c.Publish(ctx, s.ID, client.Publication{}, client.MessageDraft{Kind: "input", Data: "hello"}, client.MessageDraft{Kind: "input", Data: "bye"})

	for m, err := range c.FollowMessages(ctx, s.ID, client.MessageSelection{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(m.Kind, string(m.Data))
		if string(m.Data) == `"bye"` {
			break
		}
	}
	// Output:
	// input "hello"
	// input "bye"
}

// An agent's process beside node-1 runs what that node has to run. Every write of its own carries the lease's epoch.
func ExampleClient_Run() {
	ctx, cancel := context.WithCancel(context.Background())
	c, _, stop := start()
	defer stop()
	s, _ := c.CreateSession(ctx, client.Draft{Type: "development", Name: "fix-login", Workspace: "/srv", Placement: client.Placement{Node: "node-1"}})

	err := c.Run(ctx, s.Owner, func(ctx context.Context, l *client.Lease) {
		fmt.Println("run", l.Session().Name, "under epoch", l.Epoch())
		_, err := c.PatchSession(ctx, l.ID(), client.Patch{Status: client.Completed}, client.Condition{Epoch: l.Epoch()})
		fmt.Println("done:", err)
		cancel() // a real one would go on until it is told to end
		select {
		case <-l.Revoked(): // stop in good order, and return
		case <-ctx.Done(): // stop at once
		}
	})
	fmt.Println(err)
	// Output:
	// run fix-login under epoch 1
	// done: <nil>
	// context canceled
}
