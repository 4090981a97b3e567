package sessionstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

func saying(kind string, data ...string) session.Publication {
	p := session.Publication{}
	for _, d := range data {
		p.Messages = append(p.Messages, session.MessageDraft{Kind: kind, Data: []byte(d)})
	}
	return p
}

// publishOne publishes one publication alone.
func (b bundle) publishOne(ctx context.Context, id session.ID, op session.OpID, p session.Publication) ([]session.Message, error) {
	one := &Publishing{Publication: p}
	b.Publish(ctx, id, op, one)
	return one.Made, one.Err
}

func (b bundle) publish(tb testing.TB, id session.ID, p session.Publication) []session.Message {
	tb.Helper()
	made, err := b.publishOne(tb.Context(), id, b.NewOp(), p)
	if err != nil || len(made) != len(p.Messages) {
		tb.Fatalf("published %d of %d messages: %v", len(made), len(p.Messages), err)
	}
	return made
}

func (b bundle) saveContext(tb testing.TB, id session.ID, data string) session.Stamp {
	tb.Helper()
	stamp, _, err := b.PutContext(tb.Context(), id, b.NewOp(), session.Context{Data: []byte(data), Type: "text/plain"}, session.Condition{})
	if err != nil {
		tb.Fatal(err)
	}
	return stamp
}

// dataOf is the data of a page's messages, in one line.
func dataOf(messages []session.Message) string {
	var b strings.Builder
	for _, m := range messages {
		b.Write(m.Data)
	}
	return b.String()
}

// readAs fails the test unless both kinds of reads show these messages and this context.
func (b bundle) readAs(tb testing.TB, id session.ID, messages, context string) {
	tb.Helper()
	for _, c := range []session.Consistency{session.Linearizable, session.Eventual} {
		page, err := b.Messages(tb.Context(), id, session.MessageQuery{Oldest: true, Limit: session.MaxPage}, c)
		if err != nil || dataOf(page.Messages) != messages {
			tb.Fatalf("messages %q %v, want %q", dataOf(page.Messages), err, messages)
		}
		got, err := b.Context(tb.Context(), id, c)
		if err != nil || string(got.Data) != context || got.Type != "text/plain" {
			tb.Fatalf("context %q of type %q %v, want %q", got.Data, got.Type, err, context)
		}
	}
}

// bare fails the test if anything lies beside a record of the session, wherever its records may lie.
func (b bundle) bare(tb testing.TB, id session.ID, but ...int) {
	tb.Helper()
	for tag := range keyspace.CopyTags + 1 {
		for _, key := range b.placeOf(id).beside(tag) {
			if n, err := b.client.Redis().Exists(tb.Context(), key).Result(); err != nil || n != 0 && !slices.Contains(but, tag) {
				tb.Errorf("%s is left, %v", key, err)
			}
		}
	}
}

func TestMessagesOfASession(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 8)
		made := b.create(t, "one", holderA)
		page, err := b.Messages(ctx, made.ID, session.MessageQuery{Limit: 1}, session.Linearizable)
		if err != nil || len(page.Messages) != 0 || !page.Next.IsZero() {
			t.Fatalf("of a new session: %+v %v", page, err)
		}
		first := b.publish(t, made.ID, saying("a", `"1"`, `{"n":2}`))
		more := b.publish(t, made.ID, saying("b", "3"))
		if first[0].ID.Position != 1 || first[1].ID.Position != 2 || more[0].ID.Position != 3 || more[0].Epoch != 1 || first[0].ID.Number == more[0].ID.Number {
			t.Fatalf("published %+v %+v", first, more)
		}
		b.whole(t, made.ID, 1, 2)
		for _, c := range []session.Consistency{session.Linearizable, session.Eventual} {
			for _, q := range []struct {
				query session.MessageQuery
				want  string
				next  session.MessageID
			}{
				{session.MessageQuery{Limit: 10}, `"1"{"n":2}3`, more[0].ID},
				{session.MessageQuery{Limit: 2}, `"1"{"n":2}`, first[1].ID},
				{session.MessageQuery{Limit: 10, After: first[0].ID}, `{"n":2}3`, more[0].ID},
				{session.MessageQuery{Limit: 10, After: more[0].ID}, "", more[0].ID},
				{session.MessageQuery{Limit: 10, Kinds: []string{"b", "c"}}, "3", more[0].ID},
				{session.MessageQuery{Limit: 1, Kinds: []string{"a"}}, `"1"`, first[0].ID},
				{session.MessageQuery{Limit: 10, Kinds: []string{"c"}}, "", more[0].ID},
				{session.MessageQuery{Limit: 10, Latest: true}, "", more[0].ID},
			} {
				page, err := b.Messages(ctx, made.ID, q.query, c)
				if err != nil || dataOf(page.Messages) != q.want || page.Next != q.next {
					t.Errorf("%+v: %q, next %s, %v; want %q, %s", q.query, dataOf(page.Messages), page.Next, err, q.want, q.next)
				}
			}
			for _, after := range []session.MessageID{
				{Position: 4, Number: 1}, {Position: 2, Number: 77}, {Position: 2, Number: 1<<63 - 1}, {Position: 3, Number: 1<<63 - 1},
			} { // ahead of all, and of other histories
				var gone *session.CursorGoneError
				if _, err := b.Messages(ctx, made.ID, session.MessageQuery{Limit: 10, After: after}, c); !errors.As(err, &gone) || !gone.Oldest.IsZero() {
					t.Errorf("after %s: %v", after, err)
				}
			}
		}
		var stale *session.StaleEpochError
		old := saying("a", "4")
		if old.Epoch = 2; true {
			if _, err := b.publishOne(ctx, made.ID, b.NewOp(), old); !errors.As(err, &stale) || stale.Current != 1 {
				t.Errorf("another epoch: %v", err)
			}
		}
		if res := b.TakeOver(ctx, Takeover{ID: made.ID, From: holderA, Epoch: 1, To: holderB}); res[0].Err != nil {
			t.Fatal(res[0].Err)
		}
		old.Epoch = 1
		if _, err := b.publishOne(ctx, made.ID, b.NewOp(), old); !errors.As(err, &stale) || stale.Current != 2 || stale.Owner != holderB.Node {
			t.Errorf("a stale holder: %v", err)
		}
		if last := b.publish(t, made.ID, saying("a", "4")); last[0].Epoch != 2 {
			t.Errorf("published under epoch %d", last[0].Epoch)
		}
		b.whole(t, made.ID, 2, 3)
		b.healthy(t, 1)
		if _, err := b.Delete(ctx, made.ID, b.NewOp(), session.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
		b.bare(t, made.ID)
		for _, c := range []session.Consistency{session.Linearizable, session.Eventual} {
			if _, err := b.Messages(ctx, made.ID, session.MessageQuery{Limit: 1}, c); !errors.Is(err, session.ErrNotFound) {
				t.Errorf("of a deleted session: %v", err)
			}
		}
		if _, err := b.publishOne(ctx, made.ID, b.NewOp(), saying("a", "5")); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("to a deleted session: %v", err)
		}
	})
}

// What lies beside a session is no part of its ETag. A deletion may be conditioned on it all the same.
func TestASessionIsDeletedAsItIsKnown(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 8)
		made := b.create(t, "one", holderA)
		refused := func(what string, cond session.Condition) {
			t.Helper()
			var changed *session.BesideChangedError
			cond.IfMatch = []string{made.ETag().String()}
			if _, err := b.Delete(ctx, made.ID, b.NewOp(), cond, nil); !errors.As(err, &changed) || changed.What != what {
				t.Errorf("%+v: %v", cond, err)
			}
		}
		none, bare := session.MessageID{}, session.Stamp{}
		first := b.publish(t, made.ID, saying("a", "1"))[0].ID
		refused("messages", session.Condition{LastMessage: &none})
		second := b.publish(t, made.ID, saying("a", "2"))[0].ID
		refused("messages", session.Condition{LastMessage: &first, Context: &bare})
		before := b.saveContext(t, made.ID, "x")
		refused("context", session.Condition{LastMessage: &second, Context: &bare})
		after := b.saveContext(t, made.ID, "x")
		refused("context", session.Condition{Context: &before})
		b.readAs(t, made.ID, "12", "x")
		if _, err := b.Delete(ctx, made.ID, b.NewOp(), session.Condition{LastMessage: &second, Context: &after}, nil); err != nil {
			t.Fatal(err)
		}
		b.bare(t, made.ID)
		other := b.create(t, "two", holderA)
		if _, err := b.Delete(ctx, other.ID, b.NewOp(), session.Condition{LastMessage: &none, Context: &bare}, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// The newest messages are kept, everywhere the same, and a cursor before them is told so.
func TestOldMessagesGo(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 8)
		made := b.create(t, "one", holderA)
		batch := saying("k", slices.Repeat([]string{"0"}, session.MaxPublished)...)
		var ids []session.MessageID
		for range session.MessagesKept/session.MaxPublished + 1 {
			for _, m := range b.publish(t, made.ID, batch) {
				ids = append(ids, m.ID)
			}
		}
		b.whole(t, made.ID, 1, uint64(len(ids)/session.MaxPublished))
		dropped := len(ids) - session.MessagesKept
		for _, c := range []session.Consistency{session.Linearizable, session.Eventual} {
			got, at, pages := []session.MessageID{}, ids[dropped-1], 0
			for {
				page, err := b.Messages(ctx, made.ID, session.MessageQuery{After: at, Limit: 300}, c)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range page.Messages {
					got = append(got, m.ID)
				}
				if at = page.Next; len(page.Messages) == 0 {
					break
				}
				pages++
			}
			if !slices.Equal(got, ids[dropped:]) || pages != 4 {
				t.Errorf("read %d messages in %d pages", len(got), pages)
			}
			for _, after := range []session.MessageID{{}, ids[0], ids[dropped-2]} {
				var gone *session.CursorGoneError
				_, err := b.Messages(ctx, made.ID, session.MessageQuery{After: after, Limit: 1}, c)
				if !errors.As(err, &gone) || gone.Oldest.Position != uint64(dropped) {
					t.Fatalf("after %s: %v", after, err)
				}
				page, err := b.Messages(ctx, made.ID, session.MessageQuery{After: gone.Oldest, Limit: 1}, c)
				if err != nil || len(page.Messages) != 1 || page.Messages[0].ID != ids[dropped] {
					t.Errorf("after the oldest: %+v %v", page, err)
				}
			}
		}
	})
}

// A page of a kind that is rare takes few looks at the messages, however small it is.
func TestARareKindTakesFewReads(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b := setup(t, r, 1)
		made := b.create(t, "one", holderA)
		for range 5 {
			b.publish(t, made.ID, saying("often", slices.Repeat([]string{"0"}, session.MaxPublished)...))
		}
		b.publish(t, made.ID, saying("rare", "1", "2"))
		counted := &reads{name: "xrange"}
		b.client.Redis().AddHook(counted)
		page, err := b.Messages(t.Context(), made.ID, session.MessageQuery{Limit: 1, Kinds: []string{"rare"}}, session.Eventual)
		if err != nil || dataOf(page.Messages) != "1" {
			t.Fatalf("%+v %v", page, err)
		}
		if n, looks := counted.count.Load(), int64(5*session.MaxPublished/messageStep); n != 2*looks { // each with one at the oldest
			t.Errorf("%d ranges were read in %d looks", n, looks)
		}
	})
}

func TestMessagesHaveLimits(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b := setup(t, r, 1)
		made := b.create(t, "one", holderA)
		most := strings.Repeat("1", session.MaxMessage)
		b.publish(t, made.ID, saying(strings.Repeat("k", session.MaxMessageKind), slices.Repeat([]string{most}, session.MaxPublished)...))
		for name, p := range map[string]session.Publication{
			"none": {}, "too many": saying("k", slices.Repeat([]string{"1"}, session.MaxPublished+1)...), "too large": saying("k", most+"1"),
			"no data": saying("k", ""), "no kind": saying("", "1"), "a long kind": saying(strings.Repeat("k", session.MaxMessageKind+1), "1"), "a bad kind": saying("k k", "1"),
		} {
			var invalid *session.InvalidError
			var large *session.TooLargeError
			if _, err := b.publishOne(t.Context(), made.ID, b.NewOp(), p); !errors.As(err, &invalid) && !errors.As(err, &large) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, q := range []session.MessageQuery{{}, {Limit: session.MaxPage + 1}, {Limit: 1, Kinds: []string{""}}} {
			var invalid *session.InvalidError
			if _, err := b.Messages(t.Context(), made.ID, q, session.Eventual); !errors.As(err, &invalid) {
				t.Errorf("%+v: %v", q, err)
			}
		}
		page, err := b.Messages(t.Context(), made.ID, session.MessageQuery{Oldest: true, Limit: session.MaxPage}, session.Linearizable)
		if err != nil || len(page.Messages) != session.MaxPublished { // 1.6 MB: below what ends a page short
			t.Errorf("%d messages, %v", len(page.Messages), err)
		}
	})
}

// A publish repeated under its key adds nothing and is answered as the first time, while its messages are kept.
func TestAPublishIsRepeated(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 8)
		made := b.create(t, "one", holderA)
		b.publish(t, made.ID, saying("a", "0"))
		keyed := saying("a", "1", "2")
		keyed.Idempotency = session.Idempotency{Key: "k", Fingerprint: "f"}
		first := b.publish(t, made.ID, keyed)
		b.publish(t, made.ID, saying("a", slices.Repeat([]string{"3"}, 100)...))
		again := b.publish(t, made.ID, keyed)
		if fmt.Sprint(again) != fmt.Sprint(first) {
			t.Errorf("repeated: %v, first %v", again, first)
		}
		b.whole(t, made.ID, 1, 3)
		other := keyed
		other.Idempotency.Fingerprint = "g"
		if _, err := b.publishOne(ctx, made.ID, b.NewOp(), other); !errors.Is(err, session.ErrIdempotencyMismatch) {
			t.Errorf("another body: %v", err)
		}
		for range session.MessagesKept / session.MaxPublished {
			b.publish(t, made.ID, saying("a", slices.Repeat([]string{"3"}, session.MaxPublished)...))
		}
		if anew := b.publish(t, made.ID, keyed); anew[0].ID.Position < session.MessagesKept {
			t.Errorf("after its messages are gone: %v", anew)
		}
	})
}

func TestContextOfASession(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 8)
		made := b.create(t, "one", holderA)
		for _, c := range []session.Consistency{session.Linearizable, session.Eventual} {
			if _, err := b.Context(ctx, made.ID, c); !errors.Is(err, session.ErrContextNotFound) {
				t.Fatalf("of a new session: %v", err)
			}
		}
		put := func(data string, cond session.Condition) (session.Stamp, bool, error) {
			return b.PutContext(ctx, made.ID, b.NewOp(), session.Context{Data: []byte(data), Type: "text/plain"}, cond)
		}
		var mismatch *session.VersionMismatchError
		if _, _, err := put("x", session.Condition{IfMatch: []string{"*"}}); !errors.As(err, &mismatch) || !mismatch.Context {
			t.Errorf("a condition on none: %v", err)
		}
		first, isNew, err := put("one\x00\xff", session.Condition{Absent: true, Epoch: 1})
		if err != nil || !isNew {
			t.Fatalf("put: %v %v", isNew, err)
		}
		if _, _, err := put("x", session.Condition{Absent: true}); !errors.As(err, &mismatch) || mismatch.Current != first.String() {
			t.Errorf("a second first one: %v", err)
		}
		if _, _, err := put("x", session.Condition{IfMatch: []string{made.Stamp.String()}}); !errors.As(err, &mismatch) {
			t.Errorf("the session's ETag: %v", err)
		}
		var stale *session.StaleEpochError
		if _, _, err := put("x", session.Condition{Epoch: 2}); !errors.As(err, &stale) {
			t.Errorf("another epoch: %v", err)
		}
		b.publish(t, made.ID, saying("a", "1"))
		if _, err := b.Update(ctx, made.ID, b.NewOp(), session.Patch{Status: &idle}, session.Condition{IfMatch: []string{made.Stamp.String()}}); err != nil {
			t.Errorf("the session's own ETag: %v", err)
		}
		b.readAs(t, made.ID, "1", "one\x00\xff")
		second, isNew, err := put("two", session.Condition{IfMatch: []string{"x", first.String()}})
		if err != nil || isNew || second == first {
			t.Fatalf("put over: %v %v", isNew, err)
		}
		b.whole(t, made.ID, 1, 4)
		b.readAs(t, made.ID, "1", "two")
		if err := b.DropContext(ctx, made.ID, b.NewOp(), session.Condition{IfMatch: []string{first.String()}}); !errors.As(err, &mismatch) {
			t.Errorf("dropping what was: %v", err)
		}
		if err := b.DropContext(ctx, made.ID, b.NewOp(), session.Condition{IfMatch: []string{second.String()}}); err != nil {
			t.Fatal(err)
		}
		if err := b.DropContext(ctx, made.ID, b.NewOp(), session.Condition{}); !errors.Is(err, session.ErrContextNotFound) {
			t.Errorf("dropping none: %v", err)
		}
		b.whole(t, made.ID, 1, 5)
		most := strings.Repeat("x", session.MaxContext)
		b.saveContext(t, made.ID, most)
		b.readAs(t, made.ID, "1", most)
		var large *session.TooLargeError
		if _, _, err := put(most+"x", session.Condition{}); !errors.As(err, &large) || large.Used != session.MaxContext+1 || large.Limit != session.MaxContext {
			t.Errorf("one byte more: %v", err)
		}
		var invalid *session.InvalidError
		for _, bad := range []string{"", strings.Repeat("t", session.MaxContextType+1), "a\nb"} {
			if _, _, err := b.PutContext(ctx, made.ID, b.NewOp(), session.Context{Type: bad}, session.Condition{}); !errors.As(err, &invalid) {
				t.Errorf("type %q: %v", bad, err)
			}
		}
		b.saveContext(t, made.ID, "")
		b.readAs(t, made.ID, "1", "")
		b.healthy(t, 1)
		if _, err := b.Delete(ctx, made.ID, b.NewOp(), session.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
		b.bare(t, made.ID)
	})
}

// What is beside a session changes neither its ETag nor when it was changed, and does not push out what it remembers of its own changes.
func TestTheSessionItselfStays(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 8)
		made := b.create(t, "one", holderA)
		op := b.NewOp()
		patched, err := b.Update(ctx, made.ID, op, session.Patch{Status: &idle}, session.Condition{})
		if err != nil {
			t.Fatal(err)
		}
		for range keptOps + 1 {
			b.publish(t, made.ID, saying("a", "1"))
			b.saveContext(t, made.ID, "x")
		}
		got, err := b.Get(ctx, made.ID, session.Linearizable)
		if err != nil || got.ETag() != patched.Stamp || !got.UpdatedAt.Equal(patched.UpdatedAt) || got.Stamp.Version != patched.Stamp.Version+2*(keptOps+1) {
			t.Fatalf("%v %v", got, err)
		}
		if again, err := b.Update(ctx, made.ID, op, session.Patch{Status: &idle}, session.Condition{}); err != nil || again.Stamp != got.Stamp {
			t.Errorf("the change repeated: %v %v", again.Stamp, err)
		}
		next, err := b.Update(ctx, made.ID, b.NewOp(), session.Patch{Status: &idle}, session.Condition{IfMatch: []string{patched.Stamp.String()}})
		if err != nil || next.ETag() != next.Stamp {
			t.Errorf("a change: %v %v", next, err)
		}
	})
}

// A place that lost all it held, or what lies beside its record alone, gets it back; what nobody has is told, and the session can still be ended.
func TestWhatLiesBesideIsRepaired(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 8)
		if b.Factor() < 2 {
			t.Skip("takes a copy")
		}
		d := damaged{bundle: b, made: b.create(t, "one", holderA)}
		d.copy = b.chainFor(d.p())[0]
		b.publish(t, d.made.ID, saying("a", "1", "2"))
		b.saveContext(t, d.made.ID, "state")
		olds := map[int]still{home: b.take(t, d.made.ID, home), d.copy: b.take(t, d.made.ID, d.copy)}
		b.publish(t, d.made.ID, saying("a", "3"))
		for _, tag := range []int{home, d.copy} {
			for name, old := range map[string]still{"lost": {}, "behind": olds[tag]} {
				d.back(t, tag, old)
				b.readAs(t, d.made.ID, "123", "state")
				if t.Logf("place %d %s", tag, name); name == "lost" {
					d.back(t, tag, still{})
					b.auditAll(t)
				}
				b.whole(t, d.made.ID, 1, 3)
			}
			d.do(t, "DEL", b.placeOf(d.made.ID).beside(tag)[0])
			d.do(t, "DEL", b.placeOf(d.made.ID).beside(tag)[1])
			got := b.auditAll(t)
			if got.CopiesRepaired+got.HomesRestored != 1 {
				t.Errorf("a sync round reports %+v", got)
			}
			b.whole(t, d.made.ID, 1, 3)
			d.do(t, "DEL", b.placeOf(d.made.ID).beside(tag)[0])
			b.publish(t, d.made.ID, saying("a", "4"))
			b.readAs(t, d.made.ID, "1234", "state")
			b.whole(t, d.made.ID, 1, 4)
			b.endTaken(t, d, tag)
			d.back(t, home, olds[home])
			d.back(t, d.copy, olds[d.copy])
			b.publish(t, d.made.ID, saying("a", "3"))
		}
		for _, tag := range []int{home, d.copy} {
			d.do(t, "DEL", b.placeOf(d.made.ID).beside(tag)[0])
		}
		var corrupt *session.CorruptError
		if _, err := b.Messages(ctx, d.made.ID, session.MessageQuery{Limit: 1}, session.Linearizable); !errors.As(err, &corrupt) {
			t.Errorf("messages that nobody has: %v", err)
		}
		if _, err := b.publishOne(ctx, d.made.ID, b.NewOp(), saying("a", "4")); !errors.As(err, &corrupt) {
			t.Errorf("a publish to them: %v", err)
		}
		d.update(t)
		d.back(t, home, still{})
		if got, err := b.Get(ctx, d.made.ID, session.Linearizable); err != nil || got.Status != session.Idle {
			t.Errorf("the session: %v %v", got, err)
		}
		d.remove(t)
		b.bare(t, d.made.ID)
	})
}

// endTaken has a stranger take the newest message off at a place: it is brought again, by a sync round and by a publish.
func (b bundle) endTaken(t *testing.T, d damaged, tag int) {
	t.Helper()
	take := func() {
		messages := b.take(t, d.made.ID, tag).messages
		d.do(t, "XDEL", b.placeOf(d.made.ID).beside(tag)[0], messages[len(messages)-1].ID)
	}
	take()
	if got := b.auditAll(t); got.CopiesRepaired+got.HomesRestored != 1 || got.Records != 1 {
		t.Errorf("the end at place %d is gone: a sync round reports %+v", tag, got)
	}
	b.readAs(t, d.made.ID, "1234", "state")
	b.whole(t, d.made.ID, 1, 4)
	take()
	b.publish(t, d.made.ID, saying("a", "5"))
	b.readAs(t, d.made.ID, "12345", "state")
	b.whole(t, d.made.ID, 1, 5)
}

// Strange types beside a record are told of by key, and nothing is changed.
func TestStrangersBesideARecord(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 8)
		made := b.create(t, "one", holderA)
		for n, key := range b.placeOf(made.ID).beside(home) {
			if err := b.client.Redis().LPush(ctx, key, "x").Err(); err != nil {
				t.Fatal(err)
			}
			var corrupt *session.CorruptError
			if _, err := b.publishOne(ctx, made.ID, b.NewOp(), saying("a", "1")); !errors.As(err, &corrupt) || corrupt.Key != key {
				t.Errorf("%d: %v", n, err)
			}
			if err := b.client.Redis().Del(ctx, key).Err(); err != nil {
				t.Fatal(err)
			}
		}
		b.publish(t, made.ID, saying("a", "1"))
		last := b.take(t, made.ID, home).messages[0].ID
		key := b.placeOf(made.ID).beside(home)[0]
		for _, damage := range [][]any{{"XADD", key, "5-1", "x", "y"}, {"XADD", key, "6-1", "kind", "k", "data", "1", "at", "no", "epoch", "1"}} {
			if err := b.client.Redis().Do(ctx, damage...).Err(); err != nil {
				t.Fatal(err)
			}
			var corrupt *session.CorruptError
			if _, err := b.Messages(ctx, made.ID, session.MessageQuery{Limit: 9}, session.Linearizable); !errors.As(err, &corrupt) || corrupt.Key != key {
				t.Errorf("after %s, %v: %v", last, damage, err)
			}
		}
	})
}

// publishIt and saveIt are changes of what lies beside a record, whose replies get lost.
func publishIt(t *testing.T, l *lossy) error {
	made, err := l.publishOne(t.Context(), l.made.ID, l.NewOp(), saying("a", "1", "2"))
	if err != nil {
		return err
	}
	page, err := l.clean.Messages(t.Context(), l.made.ID, session.MessageQuery{Limit: 10}, session.Linearizable)
	if fmt.Sprint(page.Messages) != fmt.Sprint(made) {
		return fmt.Errorf("published %v, read %v", made, page.Messages)
	}
	return err
}

func saveIt(t *testing.T, l *lossy) error {
	stamp, isNew, err := l.PutContext(t.Context(), l.made.ID, l.NewOp(), session.Context{Data: []byte("x"), Type: "t/t"}, session.Condition{Absent: true})
	if err != nil || !isNew {
		return fmt.Errorf("first %v: %w", isNew, err)
	}
	got, err := l.clean.Context(t.Context(), l.made.ID, session.Linearizable)
	if got.Stamp != stamp {
		return fmt.Errorf("wrote %s, read %s", stamp, got.Stamp)
	}
	return err
}

// Copies that are moved take along what lies beside them, and leave nothing behind.
func TestAMoveTakesAlongWhatLiesBeside(t *testing.T) {
	t.Parallel()
	r := redistest.Shared(t)
	l := newLossy(t, r, time.Second)
	b, id := l.bundle, l.made.ID
	b.publish(t, id, saying("a", "1", "2"))
	b.saveContext(t, id, "state")
	chain := l.other(t)
	if moved, err := b.moveCopies(t.Context(), id, chain); err != nil || !moved {
		t.Fatalf("moved %v %v", moved, err)
	}
	b.whole(t, id, 1, 3)
	b.readAs(t, id, "12", "state")
	b.bare(t, id, home, chain[0])
	if got, err := b.Get(t.Context(), id, session.Linearizable); err != nil || got.ETag() != l.made.Stamp {
		t.Errorf("the session's ETag is %s %v", got.ETag(), err)
	}
	l.forget(t, home)
	b.readAs(t, id, "12", "state")
	b.whole(t, id, 1, 3)
}

// What a former version leaves: it passes over the fields that it does not know, and forgets what the body has of them.
func TestAFormerVersionsChange(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 8)
		made := b.create(t, "one", holderA)
		b.publish(t, made.ID, saying("a", "1"))
		b.saveContext(t, made.ID, "state")
		early := b.NewOp()
		base, err := b.readHome(ctx, b.placeOf(made.ID))
		if err != nil {
			t.Fatal(err)
		}
		known := base
		known.Beside, known.Resource = beside{}, session.Stamp{} // all that it reads
		next := known.next(b.NewOp())
		im, err := b.codec.imageOver(next, known)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.replace(ctx, b.placeOf(made.ID), session.WhyPatch, known, next, im, time.Time{}); err != nil {
			t.Fatal(err)
		}
		b.whole(t, made.ID, 1, 3)
		b.readAs(t, made.ID, "1", "state")
		got, err := b.Get(ctx, made.ID, session.Linearizable)
		if err != nil || got.ETag() != next.Stamp {
			t.Errorf("the ETag is %s, %v", got.ETag(), err)
		}
		if _, err := b.publishOne(ctx, made.ID, early, saying("a", "2")); !errors.Is(err, session.ErrUnknownOutcome) {
			t.Errorf("an operation from before: %v", err)
		}
		b.publish(t, made.ID, saying("a", "2"))
		b.readAs(t, made.ID, "12", "state")
		b.healthy(t, 1)
	})
}

// The bytes of a context come back as they were.
func TestAContextIsOpaque(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b := setup(t, r, 1)
		made := b.create(t, "one", holderA)
		var all []byte
		for i := range 256 {
			all = append(all, byte(i))
		}
		b.saveContext(t, made.ID, string(all))
		if got, err := b.Context(t.Context(), made.ID, session.Linearizable); err != nil || !bytes.Equal(got.Data, all) {
			t.Errorf("%q %v", got.Data, err)
		}
	})
}

// A change that its place lost and got again between two looks leaves the record as it was: what lay beside it is not lost for that.
func TestWhatWasAwayForAMomentIsNotLost(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		cluster(t, r)
		b := setup(t, r, 8)
		made := b.create(t, "one", holderA)
		b.saveContext(t, made.ID, "state")
		p, l := b.placeOf(made.ID), look{}
		tags := append(b.ChainFor(made.ID), home)
		if err := b.read(t.Context(), p, l, tags...); err != nil {
			t.Fatal(err)
		}
		there, err := b.lyingAt(t.Context(), p, tags)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.still(t.Context(), p, l, there, tags, errMissing); err != nil {
			t.Errorf("nothing has changed: %v", err)
		}
		away := there[tags[0]]
		away.context = ""
		there[tags[0]] = away
		if err := b.still(t.Context(), p, l, there, tags, errMissing); !isRefusal(err) {
			t.Errorf("it is there again: %v", err)
		}
	})
}
