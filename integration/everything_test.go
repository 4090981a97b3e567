package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"orchestrator/client"
	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	domain "orchestrator/internal/session"
)

// talk is one session that somebody publishes to, somebody else reads, and that counts in its context.
type talk struct {
	id string

	mu        sync.Mutex
	published int   // acknowledged, each number once
	read      []int // in the order in which they came
	counted   int   // acknowledged changes of the context
	unsure    int   // changes of the context that may or may not have been made
}

func (k *talk) with(fn func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	fn()
}

// The whole API is used through the load balancer while a node is killed, and then the Redis master of a session: nobody who publishes, reads, counts,
// watches, imports or runs an agent beside a node loses anything, and nobody but the client notices.
func TestAllOfTheAPIThroughFailures(t *testing.T) {
	t.Parallel()
	r := redistest.NewCluster(t)
	f := startFleet(t, r, 3, "--heartbeat-timeout", "3s", "--gossip-interval", "500ms")
	proxy := f.behindProxy(t)
	c, err := client.New(client.Config{Addrs: []string{proxy}, RetryFor: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	t.Cleanup(func() { stop(); work.Wait() })

	watched := watchAll(ctx, t, &work, c)
	talks := make([]*talk, 4)
	for i := range talks {
		s, err := c.CreateSession(ctx, client.Draft{Type: "talk", Name: fmt.Sprint("talk-", i), Workspace: "/w",
			Labels: map[string]string{"tier": []string{"gold", "silver"}[i%2], "n": strconv.Itoa(i)}})
		if err != nil {
			t.Fatal(err)
		}
		talks[i] = &talk{id: s.ID}
	}
	loading, endLoad := context.WithCancel(ctx)
	var load sync.WaitGroup
	summed, imported := startSummer(t, f, c), &importer{url: proxy}
	load.Go(func() { summed.feed(loading, t, c) })
	load.Go(func() { imported.run(loading, t) })
	for _, k := range talks {
		load.Go(func() { k.publish(loading, t, c) })
		load.Go(func() { k.count(loading, t, c) })
		work.Go(func() { k.follow(ctx, t, c) })
	}
	goesOn := func(what string) {
		t.Helper()
		want := make([][2]int, len(talks))
		for i, k := range talks {
			k.with(func() { want[i] = [2]int{k.published + 10, k.counted + 10} })
		}
		eventually(t, 60*time.Second, func() (not string) {
			for i, k := range talks {
				k.with(func() {
					if k.published < want[i][0] || k.counted < want[i][1] {
						not = fmt.Sprintf("%s: talk %d: %d published, %d counted, want %v", what, i, k.published, k.counted, want[i])
					}
				})
			}
			return not
		})
	}
	goesOn("at first")
	f.nodes[1].Kill(t)
	goesOn("a node is gone")
	f.nodes[1].Restart(t)
	f.nodes[1].WaitReady(t)
	keys, err := keyspace.New(f.prefix, 256)
	if err != nil {
		t.Fatal(err)
	}
	r.MasterOf(t, keys.HomeSlot(keys.Partition(domain.ID(talks[0].id)))).Kill(t)
	goesOn("a master is gone")
	endLoad()
	load.Wait()

	for _, k := range talks {
		k.check(t, c)
	}
	summed.check(t, c)
	imported.check(t, c)
	checkLists(t, c, talks)
	checkTheRest(t, c, talks)
	for _, k := range talks {
		if err := c.DeleteSession(ctx, k.id, client.Condition{}); err != nil {
			t.Error(err)
		}
	}
	eventually(t, 60*time.Second, func() string { return watched.knows(talks) })
}

func (k *talk) publish(ctx context.Context, t *testing.T, c *client.Client) {
	for n := 1; ctx.Err() == nil; n++ {
		// The key makes it one message, however often it is sent.
		_, err := c.Publish(context.WithoutCancel(ctx), k.id, client.Publication{IdempotencyKey: fmt.Sprint("n", n)}, client.MessageDraft{Data: n})
		if err != nil {
			t.Errorf("message %d: %v", n, err)
			return
		}
		k.with(func() { k.published = n })
	}
}

func (k *talk) follow(ctx context.Context, t *testing.T, c *client.Client) {
	for m, err := range c.FollowMessages(ctx, k.id, client.MessageSelection{}) {
		if ctx.Err() != nil || errors.Is(err, client.ErrNotFound) { // it is deleted at the end
			return
		}
		var n int
		if err == nil {
			err = json.Unmarshal(m.Data, &n)
		}
		if err != nil {
			t.Errorf("a follower: %v", err)
			return
		}
		k.with(func() { k.read = append(k.read, n) })
	}
}

// count puts its number into the context up by one, again and again, on what it read.
func (k *talk) count(ctx context.Context, t *testing.T, c *client.Client) {
	for ctx.Err() == nil {
		ctx := context.WithoutCancel(ctx)
		n, cond := 0, client.ContextCondition{Absent: true}
		blob, err := c.GetContext(ctx, k.id)
		if err == nil {
			cond = client.ContextCondition{Condition: client.Condition{IfMatch: blob.ETag}}
			n, err = strconv.Atoi(string(blob.Data))
		}
		if err != nil && !errors.Is(err, client.ErrNotFound) {
			t.Errorf("read a context: %v", err)
			return
		}
		_, err = c.PutContext(ctx, k.id, []byte(strconv.Itoa(n+1)), "text/plain", cond)
		var failed *client.Error
		switch {
		case err == nil:
			k.with(func() { k.counted++ })
		case errors.As(err, &failed) && failed.Unsure:
			k.with(func() { k.unsure++ })
		default: // nobody else writes it
			t.Errorf("write a context: %v", err)
			return
		}
	}
}

// check holds that what was acknowledged is there: each message once and in order, with the reader, too, and each count.
func (k *talk) check(t *testing.T, c *client.Client) {
	t.Helper()
	eventually(t, 60*time.Second, func() (not string) {
		k.with(func() {
			if len(k.read) != k.published {
				not = fmt.Sprintf("%d messages were read of %d", len(k.read), k.published)
			}
		})
		return not
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, n := range k.read {
		if n != i+1 {
			t.Fatalf("message %d was read in the place of %d", n, i+1)
		}
	}
	blob, err := c.GetContext(t.Context(), k.id)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := strconv.Atoi(string(blob.Data)); err != nil || n < k.counted || n > k.counted+k.unsure {
		t.Errorf("the context says %q (%v), %d changes were acknowledged and %d may have been made", blob.Data, err, k.counted, k.unsure)
	}
	t.Logf("%d messages, %d changes of the context, %d of them unsure", k.published, k.counted, k.unsure)
	e, err := c.ExplainSession(t.Context(), k.id)
	if err != nil || len(e.Records) != 2 || len(e.Events) == 0 {
		t.Errorf("explained as %+v, %v", e, err)
	}
}

func checkLists(t *testing.T, c *client.Client, talks []*talk) {
	t.Helper()
	for selector, want := range map[string][]*talk{
		"tier=gold,n!=2": {talks[0]}, "tier in (gold, silver)": talks, "!tier": nil, "tier notin (gold)": {talks[1], talks[3]},
	} {
		var got []string
		for s, err := range c.AllSessions(t.Context(), client.Selection{Types: []string{"talk"}, Selector: selector, OrderBy: "createdAt", Limit: 1}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, s.ID)
		}
		ids := make([]string, 0, len(want))
		for _, k := range want {
			ids = append(ids, k.id)
		}
		if !slices.Equal(got, ids) {
			t.Errorf("%s selects %v, want %v", selector, got, ids)
		}
	}
}

// checkTheRest asks what nobody asked yet: what nodes have to run, what a create would do, what there is in all, and what the API is.
func checkTheRest(t *testing.T, c *client.Client, talks []*talk) {
	t.Helper()
	nodes, err := c.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	toRun := map[string]bool{}
	for _, n := range nodes {
		all, err := c.Assignments(t.Context(), n.ID)
		if err != nil {
			t.Errorf("what %s has to run: %v", n.ID, err)
		}
		for _, a := range all {
			if toRun[a.ID] {
				t.Errorf("two nodes have to run %s", a.ID)
			}
			toRun[a.ID] = true
		}
	}
	for _, k := range talks {
		if !toRun[k.id] {
			t.Errorf("no node has to run %s", k.id)
		}
	}
	would, err := c.DryRunSession(t.Context(), client.Draft{Type: "talk", Name: "never-made", Workspace: "/w"})
	if err != nil || would.Session.Owner == "" || len(would.Placement.Candidates) != len(nodes) {
		t.Errorf("a create would be %+v, %v", would, err)
	}
	eventually(t, 60*time.Second, func() string { // what a crash leaves in the counts, a sync round sets right
		if m, err := c.ClusterMetrics(t.Context()); err != nil || m.TotalSessions != len(talks) || m.HealthyNodes != len(nodes) {
			return fmt.Sprintf("there are %+v, %v", m, err)
		}
		return ""
	})
	index, err := c.Index(t.Context())
	if err != nil || !slices.Contains(index.Routes, "GET /openapi.json") {
		t.Errorf("offered: %v, %v", index.Routes, err)
	}
}

// watcher notes which events it was told of each session.
type watcher struct {
	mu    sync.Mutex
	types map[string][]string // by session
	gone  bool                // events were missing, and it was told so
}

func watchAll(ctx context.Context, t *testing.T, work *sync.WaitGroup, c *client.Client) *watcher {
	t.Helper()
	page, err := c.Events(ctx, client.EventSelection{Cursor: client.Latest})
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{types: map[string][]string{}}
	work.Go(func() {
		for e, err := range c.WatchEvents(ctx, client.EventSelection{Cursor: page.Next}) {
			if ctx.Err() != nil {
				return
			}
			w.mu.Lock()
			if err == nil {
				w.types[e.Session] = append(w.types[e.Session], e.Type)
			}
			w.gone = errors.Is(err, client.ErrCursorGone)
			w.mu.Unlock()
			if err != nil {
				if !errors.Is(err, client.ErrCursorGone) { // a master that is lost may take its last events along: that is told
					t.Errorf("a watcher: %v", err)
				}
				return
			}
		}
	})
	return w
}

func (w *watcher) knows(talks []*talk) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone {
		return ""
	}
	for _, k := range talks {
		if told := w.types[k.id]; !slices.Contains(told, client.SessionCreated) || !slices.Contains(told, client.SessionDeleted) {
			return fmt.Sprintf("of %s it was told %v", k.id, told)
		}
	}
	return ""
}
