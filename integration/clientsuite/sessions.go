package clientsuite

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"orchestrator/client"
)

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
	other := d
	other.Name = "another"
	_, err := s.c.CreateSession(t.Context(), other)
	wantErr(t, err, client.ErrIdempotencyMismatch)
	if err := s.c.DeleteSession(t.Context(), first.ID, client.Condition{}); err != nil {
		t.Fatal(err)
	}
	_, err = s.c.CreateSession(t.Context(), d) // it is not made again
	wantErr(t, err, client.ErrNotFound)
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
