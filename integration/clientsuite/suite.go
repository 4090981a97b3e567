// Package clientsuite holds what the Go client must be able to do with a fleet, be it one in memory or of real nodes.
package clientsuite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orchestrator/client"
)

// patience is how long the fleet may take for anything.
const patience = 20 * time.Second

// suite is a fleet under test.
type suite struct {
	c      *client.Client
	routes []string
}

// Run runs the suite on the nodes at addrs, at least two of one fleet. What the fleet does not offer yet, by its own list of routes, is skipped
// by name.
func Run(t *testing.T, addrs []string) {
	c, err := client.New(client.Config{Addrs: addrs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	index, err := c.Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := suite{c, index.Routes}
	for name, test := range map[string]struct {
		run    func(*testing.T, suite)
		routes string
	}{
		"a session from its creation to its end":              {lifecycle, "POST /v1/sessions|DELETE /v1/sessions/{id}"},
		"a fast session keeps what it was told":               {durability, "PATCH /v1/sessions/{id}|POST /v1/sessions/{id}/migrate|GET /v1/sessions/{id}/messages"},
		"a key makes one session":                             {idempotency, "POST /v1/sessions"},
		"conditions are kept":                                 {conditions, "PATCH /v1/sessions/{id}"},
		"a batch's drafts stand alone":                        {batch, "POST /v1/sessions/batch"},
		"a list has every session once":                       {lists, "GET /v1/sessions"},
		"refusals are told by their kind":                     {refusals, "GET /v1/sessions/{id}"},
		"a node is cordoned and uncordoned":                   {cordon, "POST /v1/nodes/{id}/cordon"},
		"the fleet's numbers add up":                          {metrics, "GET /v1/cluster/metrics"},
		"a node tells its own numbers":                        {local, "GET /v1/local/metrics"},
		"a dry run of a rebalance moves nothing":              {rebalance, "POST /v1/rebalance"},
		"a lease ends and is let go of before another begins": {leases, "GET /v1/nodes/{id}/assignments|POST /v1/sessions/{id}/migrate"},
		"messages are read and followed":                      {messages, "GET /v1/sessions/{id}/messages"},
		"a context is kept with its session":                  {contexts, "PUT /v1/sessions/{id}/context"},
		"a session is deleted as it is known":                 {unchanged, "POST /v1/sessions/{id}/messages|PUT /v1/sessions/{id}/context"},
		"events are paged and watched":                        {events, "GET /v1/events"},
		"a session is explained":                              {explain, "GET /v1/sessions/{id}/explain"},
	} {
		t.Run(name, func(t *testing.T) {
			for route := range strings.SplitSeq(test.routes, "|") {
				if !slices.Contains(s.routes, route) {
					t.Skipf("the fleet does not serve %s", route)
				}
			}
			test.run(t, s)
		})
	}
}

func (s suite) create(t *testing.T, name string) client.Session {
	t.Helper()
	return must(s.c.CreateSession(t.Context(), draft(name)))(t)
}

func draft(name string) client.Draft {
	return client.Draft{Type: "development", Name: name, Workspace: "/w/" + name, Labels: map[string]string{"suite": name}}
}

// must fails the test where a call did.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantErr(t *testing.T, err, kind error) *client.Error {
	t.Helper()
	var e *client.Error
	if !errors.Is(err, kind) || !errors.As(err, &e) {
		t.Fatalf("%v, want %v", err, kind)
	}
	return e
}

func lifecycle(t *testing.T, s suite) {
	ctx := t.Context()
	d := draft("lifecycle")
	d.Config, d.TTL, d.Status = map[string]any{"model": map[string]any{"size": 9007199254740993, "name": "large"}}, time.Hour, client.Idle
	made := must(s.c.CreateSession(ctx, d))(t)
	if made.ID == "" || made.Owner == "" || made.Epoch != 1 || made.ETag == "" || made.Status != client.Idle || made.ExpiresAt.Sub(made.CreatedAt) != time.Hour {
		t.Fatalf("%+v", made)
	}
	model, _ := made.Config["model"].(map[string]any)
	if model["size"] != json.Number("9007199254740993") {
		t.Fatalf("a number came back as %#v", model["size"])
	}
	changed := must(s.c.PatchSession(ctx, made.ID, client.Patch{
		Name: "other", Status: client.Active, Config: map[string]any{"model": map[string]any{"name": nil}},
		Labels: map[string]string{"tier": "gold"}, RemoveLabels: []string{"suite"}, TTL: client.Never,
	}, client.Condition{IfMatch: made.ETag, Epoch: made.Epoch}))(t)
	model, _ = changed.Config["model"].(map[string]any)
	if changed.Name != "other" || changed.Version == made.Version || changed.ETag == made.ETag || !changed.ExpiresAt.IsZero() ||
		fmt.Sprint(changed.Labels) != "map[tier:gold]" || len(model) != 1 {
		t.Fatalf("%+v", changed)
	}
	read := must(s.c.GetSession(ctx, made.ID))(t)
	if read.ETag != changed.ETag || read.Name != "other" {
		t.Fatalf("%+v was read, of %+v", read, changed)
	}
	must(s.c.GetSession(ctx, made.ID, client.Eventual))(t)
	if err := s.c.DeleteSession(ctx, made.ID, client.Condition{}); err != nil {
		t.Fatal(err)
	}
	_, err := s.c.GetSession(ctx, made.ID)
	wantErr(t, err, client.ErrNotFound)
	wantErr(t, s.c.DeleteSession(ctx, made.ID, client.Condition{}), client.ErrNotFound)
}

func idempotency(t *testing.T, s suite) {
	d := draft("idempotency")
	d.IdempotencyKey = fmt.Sprint("suite-", time.Now().UnixNano())
	first, again := must(s.c.CreateSession(t.Context(), d))(t), must(s.c.CreateSession(t.Context(), d))(t)
	if first.ID != again.ID {
		t.Fatalf("one key made %s and %s", first.ID, again.ID)
	}
	d.Name = "another"
	_, err := s.c.CreateSession(t.Context(), d)
	wantErr(t, err, client.ErrIdempotencyMismatch)
}

func conditions(t *testing.T, s suite) {
	made := s.create(t, "conditions")
	changed := must(s.c.PatchSession(t.Context(), made.ID, client.Patch{Name: "b"}, client.Condition{}))(t)
	_, err := s.c.PatchSession(t.Context(), made.ID, client.Patch{Name: "c"}, client.Condition{IfMatch: made.ETag})
	if e := wantErr(t, err, client.ErrVersionMismatch); e.CurrentETag != changed.ETag || e.Unsure {
		t.Fatalf("%+v, want the ETag %s", e, changed.ETag)
	}
	_, err = s.c.PatchSession(t.Context(), made.ID, client.Patch{Name: "c"}, client.Condition{Epoch: made.Epoch + 1})
	if e := wantErr(t, err, client.ErrStaleEpoch); e.CurrentEpoch != made.Epoch || e.Owner != made.Owner || e.RequestID == "" || e.Node == "" {
		t.Fatalf("%+v", e)
	}
	wantErr(t, s.c.DeleteSession(t.Context(), made.ID, client.Condition{Epoch: made.Epoch + 1}), client.ErrStaleEpoch)
}

func batch(t *testing.T, s suite) {
	wrong := draft("wrong")
	wrong.Type = ""
	results := must(s.c.CreateSessions(t.Context(), []client.Draft{draft("one"), wrong, draft("two")}))(t)
	if results[0].Err != nil || results[2].Err != nil || results[2].Session.Name != "two" {
		t.Fatalf("%+v", results)
	}
	if e := wantErr(t, results[1].Err, client.ErrInvalid); e.Field != "type" {
		t.Fatalf("%+v", e)
	}
}

func lists(t *testing.T, s suite) {
	name := fmt.Sprint("lists-", time.Now().UnixNano())
	var ids []string
	for range 5 {
		ids = append(ids, s.create(t, name).ID)
	}
	var seen []string
	for one, err := range s.c.AllSessions(t.Context(), client.Selection{Labels: map[string]string{"suite": name}, Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, one.ID)
	}
	slices.Sort(ids)
	slices.Sort(seen)
	if !slices.Equal(ids, seen) {
		t.Fatalf("%v are listed of %v", seen, ids)
	}
	for _, err := range s.c.AllSessions(t.Context(), client.Selection{Limit: 100_000}) {
		if e := wantErr(t, err, client.ErrInvalid); e.Field != "limit" {
			t.Fatalf("%+v", e)
		}
	}
}

func refusals(t *testing.T, s suite) {
	const nobody = "01890a5d-ac96-774b-bcce-b302099a8057"
	_, err := s.c.GetSession(t.Context(), nobody)
	if e := wantErr(t, err, client.ErrNotFound); e.Status != 404 || e.Code != "session-not-found" || e.Title == "" || e.Detail == "" {
		t.Fatalf("%+v", e)
	}
	_, err = s.c.Node(t.Context(), "nobody")
	wantErr(t, err, client.ErrNotFound)
	_, err = s.c.CreateSession(t.Context(), client.Draft{Type: "a", Name: "b"})
	if e := wantErr(t, err, client.ErrInvalid); e.Field != "workspace" {
		t.Fatalf("%+v", e)
	}
}

func cordon(t *testing.T, s suite) {
	id := must(s.c.Nodes(t.Context()))(t)[0].ID
	if n := must(s.c.Cordon(t.Context(), id))(t); n.State != client.Cordoned {
		t.Fatalf("%+v", n)
	}
	if n := must(s.c.Uncordon(t.Context(), id))(t); n.State != client.Ready {
		t.Fatalf("%+v", n)
	}
	if n := must(s.c.Node(t.Context(), id))(t); n.ID != id || n.MaxSessions == 0 || n.ExpiresAt.Before(n.HeartbeatAt) {
		t.Fatalf("%+v", n)
	}
}

func metrics(t *testing.T, s suite) {
	m := must(s.c.ClusterMetrics(t.Context()))(t)
	if m.TotalNodes < 2 || len(m.NodeDetails) != m.TotalNodes || m.HealthyNodes != m.TotalNodes || m.NodeDetails[0].LastHeartbeat.IsZero() {
		t.Fatalf("%+v", m)
	}
}

func local(t *testing.T, s suite) {
	m := must(s.c.LocalMetrics(t.Context()))(t)
	if m.Node.ID == "" || m.Uptime <= 0 || m.HeapBytes == 0 || !m.Trusted || m.LiveNodes < 2 {
		t.Fatalf("%+v", m)
	}
}

func rebalance(t *testing.T, s suite) {
	r := must(s.c.Rebalance(t.Context(), true))(t)
	if !r.DryRun || len(r.Nodes) < 2 {
		t.Fatalf("%+v", r)
	}
}

// leases follows the first node's assignments, and moves a session away from it.
func leases(t *testing.T, s suite) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	nodes := must(s.c.Nodes(ctx))(t)
	d := draft("leases")
	d.Placement.Node = nodes[0].ID
	made := must(s.c.CreateSession(ctx, d))(t)
	moved := make(chan client.Session, 1)
	for l, err := range s.c.Follow(ctx, made.Owner) {
		switch {
		case err != nil:
			t.Fatal(err)
		case l.ID() != made.ID:
			go func() {
				<-l.Context().Done()
				_ = l.Release(context.WithoutCancel(ctx))
			}()
			continue
		case l.Epoch() != made.Epoch || l.Session().Name != made.Name:
			t.Fatalf("%+v at epoch %d, of %+v", l.Session(), l.Epoch(), made)
		}
		must(s.c.PatchSession(ctx, l.ID(), client.Patch{Status: client.Active}, client.Condition{Epoch: l.Epoch()}))(t)
		go func() {
			after, err := s.c.MigrateSession(ctx, made.ID, "")
			if err != nil {
				t.Error(err)
			}
			moved <- after
		}()
		select {
		case <-l.Revoked():
		case <-ctx.Done():
			t.Fatal("the lease was not revoked")
		}
		select {
		case <-moved:
			t.Fatal("it was moved while it was held")
		default:
		}
		if err := l.Context().Err(); err != nil {
			t.Fatalf("the lease ended before its deadline: %v", err)
		}
		if err := l.Release(ctx); err != nil {
			t.Fatal(err)
		}
		if l.Context().Err() == nil {
			t.Fatal("a released lease goes on")
		}
		break
	}
	after := <-moved
	if after.Owner == made.Owner || after.Epoch != made.Epoch+1 {
		t.Fatalf("%+v, of %+v", after, made)
	}
	_, err := s.c.PatchSession(ctx, made.ID, client.Patch{Status: client.Idle}, client.Condition{Epoch: made.Epoch})
	wantErr(t, err, client.ErrStaleEpoch)
	held := must(s.c.Assignments(ctx, after.Owner))(t)
	if !slices.ContainsFunc(held, func(a client.Assignment) bool { return a.ID == made.ID && a.Epoch == after.Epoch }) {
		t.Fatalf("%s has no assignment of %s", after.Owner, made.ID)
	}
}

func messages(t *testing.T, s suite) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	made := s.create(t, "messages")
	how := client.Publication{Epoch: made.Epoch, IdempotencyKey: "k1"}
	sent := must(s.c.Publish(ctx, made.ID, how, client.MessageDraft{Kind: "input", Data: "a"}, client.MessageDraft{Data: map[string]int{"b": 2}}))(t)
	again := must(s.c.Publish(ctx, made.ID, how, client.MessageDraft{Kind: "input", Data: "a"}, client.MessageDraft{Data: map[string]int{"b": 2}}))(t)
	if len(sent) != 2 || sent[0].ID != again[0].ID || sent[0].Kind != "input" || sent[1].Kind != "message" || sent[0].Epoch != made.Epoch {
		t.Fatalf("%+v, again %+v", sent, again)
	}
	_, err := s.c.Publish(ctx, made.ID, how, client.MessageDraft{Kind: "input", Data: "a"})
	wantErr(t, err, client.ErrIdempotencyMismatch)
	_, err = s.c.Publish(ctx, made.ID, client.Publication{Epoch: made.Epoch + 1}, client.MessageDraft{Data: 1})
	wantErr(t, err, client.ErrStaleEpoch)
	page := must(s.c.Messages(ctx, made.ID, client.MessageSelection{}))(t)
	if len(page.Messages) != 2 || string(page.Messages[0].Data) != `"a"` || page.NextAfter != sent[1].ID {
		t.Fatalf("%+v", page)
	}
	page = must(s.c.Messages(ctx, made.ID, client.MessageSelection{After: page.NextAfter, Kinds: []string{"input"}}))(t)
	if len(page.Messages) != 0 || page.NextAfter != sent[1].ID {
		t.Fatalf("%+v", page)
	}
	var got []string
	for m, err := range s.c.FollowMessages(ctx, made.ID, client.MessageSelection{After: sent[0].ID}) {
		if err != nil {
			wantErr(t, err, client.ErrNotFound)
			break
		}
		switch got = append(got, string(m.Data)); len(got) {
		case 1:
			must(s.c.Publish(ctx, made.ID, client.Publication{}, client.MessageDraft{Data: 3}))(t)
		case 2:
			if err := s.c.DeleteSession(ctx, made.ID, client.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if strings.Join(got, " ") != `{"b":2} 3` {
		t.Fatalf("followed %q", got)
	}
}

func contexts(t *testing.T, s suite) {
	ctx, made := t.Context(), s.create(t, "contexts")
	_, err := s.c.GetContext(ctx, made.ID)
	wantErr(t, err, client.ErrNotFound)
	first := must(s.c.PutContext(ctx, made.ID, []byte{0, 1, 2}, "text/x-odd", client.ContextCondition{Absent: true}))(t)
	got := must(s.c.GetContext(ctx, made.ID))(t)
	if string(got.Data) != "\x00\x01\x02" || got.ContentType != "text/x-odd" || got.ETag != first || got.LastModified.IsZero() {
		t.Fatalf("%+v", got)
	}
	_, err = s.c.PutContext(ctx, made.ID, nil, "", client.ContextCondition{Absent: true})
	wantErr(t, err, client.ErrVersionMismatch)
	second := must(s.c.PutContext(ctx, made.ID, []byte("b"), "", client.ContextCondition{Condition: client.Condition{IfMatch: first, Epoch: made.Epoch}}))(t)
	_, err = s.c.PutContext(ctx, made.ID, make([]byte, 256<<10+1), "", client.ContextCondition{})
	if e := wantErr(t, err, client.ErrTooLarge); e.Limit != 256<<10 {
		t.Fatalf("%+v", e)
	}
	if read := must(s.c.GetSession(ctx, made.ID))(t); read.ETag != made.ETag {
		t.Fatal("a session's ETag changes by its context")
	}
	wantErr(t, s.c.DeleteContext(ctx, made.ID, client.Condition{IfMatch: first}), client.ErrVersionMismatch)
	if err := s.c.DeleteContext(ctx, made.ID, client.Condition{IfMatch: second}); err != nil {
		t.Fatal(err)
	}
	_, err = s.c.GetContext(ctx, made.ID)
	wantErr(t, err, client.ErrNotFound)
}

// A session is deleted only as it is known, with what lies beside it.
func unchanged(t *testing.T, s suite) {
	ctx, made := t.Context(), s.create(t, "unchanged")
	if err := s.c.DeleteUnchanged(ctx, s.create(t, "bare").ID, client.Condition{}, client.Beside{}); err != nil {
		t.Fatal(err)
	}
	said := must(s.c.Publish(ctx, made.ID, client.Publication{}, client.MessageDraft{Data: 1}, client.MessageDraft{Data: 2}))(t)
	etag := must(s.c.PutContext(ctx, made.ID, []byte("a"), "", client.ContextCondition{}))(t)
	cond := client.Condition{IfMatch: made.ETag}
	for _, known := range []client.Beside{{}, {LastMessage: said[1].ID}, {ContextETag: etag}, {LastMessage: said[0].ID, ContextETag: etag}} {
		if e := wantErr(t, s.c.DeleteUnchanged(ctx, made.ID, cond, known), client.ErrVersionMismatch); e.CurrentETag != "" {
			t.Fatalf("%+v: %+v", known, e)
		}
	}
	known := client.Beside{LastMessage: must(s.c.Messages(ctx, made.ID, client.MessageSelection{}))(t).NextAfter, ContextETag: etag}
	if known.LastMessage != said[1].ID {
		t.Fatalf("the messages end with %s, read %s", said[1].ID, known.LastMessage)
	}
	wantErr(t, s.c.DeleteUnchanged(ctx, made.ID, client.Condition{IfMatch: `"1.99.x"`}, known), client.ErrVersionMismatch)
	if err := s.c.DeleteUnchanged(ctx, made.ID, cond, known); err != nil {
		t.Fatal(err)
	}
	wantErr(t, s.c.DeleteUnchanged(ctx, made.ID, cond, known), client.ErrNotFound)
}

func events(t *testing.T, s suite) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	start := must(s.c.Events(ctx, client.EventSelection{Cursor: client.Latest}))(t)
	if len(start.Events) != 0 || start.Next == "" {
		t.Fatalf("%+v", start)
	}
	made := s.create(t, "events")
	sel := client.EventSelection{Cursor: start.Next, Session: made.ID, Types: []string{client.SessionCreated, client.SessionDeleted}}
	cursor := ""
	for ev, err := range s.c.WatchEvents(ctx, sel) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Session != made.ID || ev.ID == "" || ev.Time.IsZero() {
			t.Fatalf("%+v", ev)
		}
		cursor = ev.Cursor
		if ev.Type == client.SessionDeleted {
			break
		}
		if err := s.c.DeleteSession(ctx, made.ID, client.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	if cursor == "" {
		t.Fatal("an event came without a cursor")
	}
	page := must(s.c.Events(ctx, sel))(t)
	if len(page.Events) == 0 || page.Events[0].Type != client.SessionCreated {
		t.Fatalf("%+v", page)
	}
}

func explain(t *testing.T, s suite) {
	made := s.create(t, "explain")
	e := must(s.c.ExplainSession(t.Context(), made.ID))(t)
	if e.Session != made.ID || e.Owner != made.Owner || e.Epoch != made.Epoch || len(e.Records) == 0 || e.Records[0].Role != "home" {
		t.Fatalf("%+v", e)
	}
	dry := must(s.c.DryRunSession(t.Context(), draft("dry")))(t)
	if len(dry.Placement.Candidates) == 0 {
		t.Fatalf("%+v", dry)
	}
}
