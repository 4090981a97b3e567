package clientsuite

import (
	"context"
	"strings"
	"testing"

	"orchestrator/client"
)

func messages(t *testing.T, s suite) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	made := s.create(t, "messages")
	none := must(s.c.Messages(ctx, made.ID, client.MessageSelection{}))(t)
	if again := must(s.c.Messages(ctx, made.ID, client.MessageSelection{After: client.Latest}))(t); none.NextAfter != "0-0" || again.NextAfter != "0-0" {
		t.Fatalf("before the first message: %+v, %+v", none, again)
	}
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
	for _, c := range []struct {
		sel  client.MessageSelection
		sent int // messages that come
		next string
	}{
		{client.MessageSelection{After: none.NextAfter}, 2, sent[1].ID},
		{client.MessageSelection{After: none.NextAfter, Limit: 1}, 1, sent[0].ID},
		{client.MessageSelection{After: client.Latest}, 0, sent[1].ID},
		{client.MessageSelection{Kinds: []string{"input"}}, 1, sent[1].ID}, // past what is of other kinds
		{client.MessageSelection{Kinds: []string{"other"}}, 0, sent[1].ID},
	} {
		page := must(s.c.Messages(ctx, made.ID, c.sel))(t)
		if len(page.Messages) != c.sent || page.NextAfter != c.next {
			t.Errorf("%+v: %+v, want %d and then %s", c.sel, page, c.sent, c.next)
		}
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
