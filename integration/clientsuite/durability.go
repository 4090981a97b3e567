package clientsuite

import (
	"fmt"
	"net/http"
	"testing"

	"orchestrator/client"
)

// durability: a fast session says that it is, keeps every write, message and context, and passes from owner to owner with them.
func durability(t *testing.T, s suite) {
	ctx := t.Context()
	if acked := s.create(t, "acked"); acked.Durability != "" {
		t.Errorf("a session has durability %q though nobody asked for one", acked.Durability)
	}
	d := draft("fast")
	d.Durability = client.Fast
	made := must(s.c.CreateSession(ctx, d))(t)
	for i := range 10 {
		labels := map[string]string{"n": fmt.Sprint(i)}
		must(s.c.PatchSession(ctx, made.ID, client.Patch{Labels: labels}, client.Condition{}))(t)
		must(s.c.Publish(ctx, made.ID, client.Publication{}, client.MessageDraft{Data: i}))(t)
	}
	got := must(s.c.GetSession(ctx, made.ID))(t)
	if got.Durability != client.Fast || got.Labels["n"] != "9" {
		t.Errorf("it is %q and its label is %q", got.Durability, got.Labels["n"])
	}
	must(s.c.MigrateSession(ctx, made.ID, ""))(t)
	if got = must(s.c.GetSession(ctx, made.ID))(t); got.Labels["n"] != "9" || got.Epoch != made.Epoch+1 || got.Durability != client.Fast {
		t.Errorf("with its next owner it is %+v", got)
	}
	page := must(s.c.Messages(ctx, made.ID, client.MessageSelection{}))(t)
	for n, m := range page.Messages {
		if string(m.Data) != fmt.Sprint(n) {
			t.Errorf("message %d is %s", n, m.Data)
		}
	}
	if len(page.Messages) != 10 {
		t.Errorf("%d messages, want 10", len(page.Messages))
	}
	d.Durability = "none"
	_, err := s.c.CreateSession(ctx, d)
	if e := wantErr(t, err, client.ErrInvalid); e.Status != http.StatusBadRequest {
		t.Errorf("a durability that is none: %v", err)
	}
}
