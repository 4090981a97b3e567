package clientsuite

import (
	"context"
	"testing"

	"orchestrator/client"
)

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
