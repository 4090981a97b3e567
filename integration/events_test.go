package integration

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

// event is what the API says of one; lines of a stream that are none have other types.
type event struct {
	ID, Type, Session, Node, PreviousNode, Reason, Actor, Cursor string
	Epoch, Version                                               uint64
	Expected, Recovered, Lost                                    *int
}

// observer is a client that follows events through any node, comes again wherever a stream ends, and looks at everything anew where it is told that
// events are missing. So it knows what there is.
type observer struct {
	t     *testing.T
	fleet fleetOf
	stop  context.CancelFunc
	done  chan struct{}

	mu     sync.Mutex
	events []event
	known  map[string]session // by id
	missed int                // how often events were missing
}

func observe(t *testing.T, f fleetOf) *observer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	o := &observer{t: t, fleet: f, stop: cancel, done: make(chan struct{}), known: listAll(t, f.url(0), "")}
	from := read[struct{ NextCursor string }](t, call(t, "GET", f.url(0)+"/v1/events?cursor=latest", nil).want(t, 200)).NextCursor
	go func() {
		defer close(o.done)
		for n := 0; ctx.Err() == nil; n++ {
			from = o.follow(ctx, f.nodes[n%len(f.nodes)].URL(), from)
		}
	}()
	t.Cleanup(o.end)
	return o
}

func (o *observer) end() {
	o.stop()
	<-o.done
}

// follow reads one stream to its end and returns where to go on.
func (o *observer) follow(ctx context.Context, at, from string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at+"/v1/events?cursor="+url.QueryEscape(from), nil)
	if err != nil {
		o.t.Error(err)
		return from
	}
	req.Header.Set("Accept", "application/x-ndjson")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		pause(ctx)
		return from
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	if resp.StatusCode != 200 {
		var p struct{ Code, Latest string }
		if lines.Scan(); json.Unmarshal(lines.Bytes(), &p) == nil && p.Code == "cursor-gone" {
			return o.lookAnew(ctx, at, from, p.Latest)
		}
		pause(ctx)
		return from
	}
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			break // cut off within a line
		}
		switch e.Type {
		case "bookmark":
			from = e.Cursor
		case "end":
			pause(ctx)
		default:
			o.note(e)
		}
	}
	return from
}

// lookAnew lists all sessions, and goes on from before that.
func (o *observer) lookAnew(ctx context.Context, at, from, latest string) string {
	a, err := try(ctx, "GET", at+"/v1/sessions?limit=1000", nil)
	if err != nil || a.status != 200 {
		pause(ctx)
		return from
	}
	var page struct{ Sessions []session }
	if err := json.Unmarshal(a.body, &page); err != nil {
		o.t.Error(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.missed++
	o.known = map[string]session{}
	for _, s := range page.Sessions {
		o.known[s.ID] = s
	}
	return latest
}

func (o *observer) note(e event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, e)
	was := o.known[e.Session]
	switch {
	case e.Session == "" || was.Epoch+was.Version > e.Epoch+e.Version:
	case e.Type == "session.deleted" || e.Type == "session.expired":
		delete(o.known, e.Session)
	default:
		o.known[e.Session] = session{ID: e.Session, Owner: e.Node, Epoch: e.Epoch, Version: e.Version}
	}
}

// differs says in what the observer's picture differs from what there is.
func (o *observer) differs(is map[string]session) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.known) != len(is) {
		return fmt.Sprintf("it knows %d sessions of %d", len(o.known), len(is))
	}
	for id, s := range is {
		if k := o.known[id]; k.Owner != s.Owner || k.Epoch != s.Epoch || k.Version != s.Version {
			return fmt.Sprintf("of %s it knows %s %d.%d, it is %s %d.%d", id, k.Owner, k.Epoch, k.Version, s.Owner, s.Epoch, s.Version)
		}
	}
	return ""
}

func (o *observer) has(ok func(event) bool) (found []event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.events {
		if ok(e) {
			found = append(found, e)
		}
	}
	return found
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(100 * time.Millisecond):
	}
}

// A node is killed: whoever follows another is told that it died, who has each of its sessions now, and how many were recovered.
func TestEventsTellOfAKilledNode(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 3, "--heartbeat-timeout", "1500ms", "--gossip-interval", "300ms", "--partitions", "16")
		o := observe(t, fleetOf{prefix: f.prefix, nodes: f.nodes[:2]})
		ids := createMany(t, f.url(0), 30)
		victim := f.nodes[2].Name()
		lost := listAll(t, f.url(0), "&owner="+victim)
		f.nodes[2].Kill(t)
		eventually(t, 30*time.Second, func() string {
			done := o.has(func(e event) bool { return e.Type == "node.recovered" && e.Node == victim })
			if len(done) == 0 {
				return "nobody says that it was recovered"
			}
			if e := done[0]; *e.Expected != len(lost) || *e.Recovered != len(lost) || *e.Lost != 0 {
				return fmt.Sprintf("recovered: %d %d %d of %d", *e.Expected, *e.Recovered, *e.Lost, len(lost))
			}
			return o.differs(listAll(t, f.url(0), ""))
		})
		if dead := o.has(func(e event) bool {
			return e.Type == "node.dead" && e.Node == victim && e.Reason != "" && e.Actor != ""
		}); len(dead) != 1 {
			t.Errorf("it died %d times", len(dead))
		}
		created := o.has(func(e event) bool { return e.Type == "session.created" && e.Reason == "create" })
		assigned := o.has(func(e event) bool {
			_, had := lost[e.Session]
			return had && e.Type == "session.assigned" && e.PreviousNode == victim && e.Reason == "owner dead" && e.Epoch == 2
		})
		if len(created) != len(ids) || len(assigned) != len(lost) {
			t.Errorf("%d created of %d, %d assigned of %d", len(created), len(ids), len(assigned), len(lost))
		}
	})
}

// A Redis master is killed under load: whoever follows, comes again where a stream ends, and looks anew where events are missing, knows what
// there is once all is quiet.
func TestEventsOutliveARedisMaster(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t)
	l := busyFleet(t, c, 120)
	o := observe(t, l.fleet)
	victim := c.MasterOf(t, 0)
	victim.Kill(t)
	replaced(t, c, 0, victim)
	l.again(t)
	victim.Restart(t)
	c.WaitReady(t)
	l.again(t)
	l.end(t)
	l.intact(t)
	eventually(t, 30*time.Second, func() string { return o.differs(listAll(t, l.fleet.url(0), "")) })
	t.Logf("%d events, missing %d times", len(o.has(func(event) bool { return true })), o.missed)
}
