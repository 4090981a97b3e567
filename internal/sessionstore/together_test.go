package sessionstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// Publications that go together are one change, each all or none, and what refuses one refuses no other.
func TestPublicationsGoTogether(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 8)
		made := b.create(t, "one", holderA)
		b.publish(t, made.ID, saying("k", "0"))
		before := b.publish(t, made.ID, under("old", "1", "2"))
		other := under("old", "1")
		other.Idempotency.Fingerprint = "g"
		stale, current, twinned := saying("k", "no"), saying("k", "4"), under("new", "6")
		stale.Epoch, current.Epoch, twinned.Idempotency.Fingerprint = 2, 1, "g"
		of := map[string]*Publishing{}
		var all []*Publishing
		for _, c := range []struct {
			name string
			pub  session.Publication
		}{
			{"first", saying("k", "3")}, {"repeated", under("old", "1", "2")}, {"another body", other}, {"stale", stale}, {"invalid", saying("", "no")},
			{"current", current}, {"keyed", under("new", "5", "6")}, {"twin", under("new", "5", "6")}, {"twin with another body", twinned}, {"last", saying("k", "7")},
		} {
			of[c.name] = &Publishing{Publication: c.pub}
			all = append(all, of[c.name])
		}
		b.Publish(ctx, made.ID, b.NewOp(), all...)
		for name, want := range map[string]string{"first": "3", "repeated": "12", "current": "4", "keyed": "56", "twin": "56", "last": "7"} {
			if p := of[name]; p.Err != nil || dataOf(p.Made) != want {
				t.Errorf("%s: %v %v", name, p.Made, p.Err)
			}
		}
		if fmt.Sprint(of["repeated"].Made) != fmt.Sprint(before) || fmt.Sprint(of["twin"].Made) != fmt.Sprint(of["keyed"].Made) {
			t.Errorf("repeats: %v, %v", of["repeated"].Made, of["twin"].Made)
		}
		var old *session.StaleEpochError
		var invalid *session.InvalidError
		if !errors.As(of["stale"].Err, &old) || !errors.As(of["invalid"].Err, &invalid) {
			t.Errorf("stale: %v; invalid: %v", of["stale"].Err, of["invalid"].Err)
		}
		for _, name := range []string{"another body", "twin with another body"} {
			if !errors.Is(of[name].Err, session.ErrIdempotencyMismatch) || of[name].Made != nil {
				t.Errorf("%s: %v", name, of[name].Err)
			}
		}
		b.whole(t, made.ID, 1, 3)
		page, err := b.Messages(ctx, made.ID, session.MessageQuery{Oldest: true, Limit: 100}, session.Linearizable)
		if err != nil || dataOf(page.Messages) != "01234567" || fmt.Sprint(page.Messages[5:7]) != fmt.Sprint(of["keyed"].Made) {
			t.Errorf("read %v %v", page.Messages, err)
		}
		for _, p := range all {
			p.Made, p.Err = nil, nil
		}
		b.Publish(ctx, made.ID, b.NewOp(), of["stale"], of["repeated"], of["another body"])
		refused := errors.As(of["stale"].Err, &old) && errors.Is(of["another body"].Err, session.ErrIdempotencyMismatch)
		if !refused || fmt.Sprint(of["repeated"].Made) != fmt.Sprint(before) {
			t.Errorf("nothing to publish: %v, %v, %v", of["stale"].Err, of["repeated"], of["another body"].Err)
		}
		b.whole(t, made.ID, 1, 3)
		if _, err := b.Delete(ctx, made.ID, b.NewOp(), session.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
		b.Publish(ctx, made.ID, b.NewOp(), of["first"], of["last"])
		if !errors.Is(of["first"].Err, session.ErrNotFound) || !errors.Is(of["last"].Err, session.ErrNotFound) {
			t.Errorf("to a deleted session: %v, %v", of["first"].Err, of["last"].Err)
		}
	})
}

// publishMore publishes several times at once.
func publishMore(t *testing.T, l *lossy) error {
	a, b := &Publishing{Publication: under("a", "1", "2")}, &Publishing{Publication: under("b", "3")}
	l.Publish(t.Context(), l.made.ID, l.NewOp(), a, b)
	if err := errors.Join(a.Err, b.Err); err != nil {
		return err
	}
	page, err := l.clean.Messages(t.Context(), l.made.ID, session.MessageQuery{Limit: 10}, session.Linearizable)
	if want := append(a.Made, b.Made...); fmt.Sprint(page.Messages) != fmt.Sprint(want) {
		return fmt.Errorf("published %v, read %v", want, page.Messages)
	}
	return err
}

// waiting is a publication in a queue.
type waiting struct {
	*Publishing
	done chan struct{}
}

// serve publishes what waits in a queue together, until that is closed.
func (b bundle) serve(ctx context.Context, id session.ID, queue <-chan waiting, before func()) {
	for first := range queue {
		group, all := []waiting{first}, []*Publishing{first.Publishing}
		for more := true; more && len(group) < 16; {
			select {
			case w, open := <-queue:
				if more = open; more {
					group, all = append(group, w), append(all, w.Publishing)
				}
			default:
				more = false
			}
		}
		before()
		b.Publish(ctx, id, b.NewOp(), all...)
		for _, w := range group {
			close(w.done)
		}
	}
}

// Callers at two nodes publish to one session at once, and replies get lost: each message is there once, each caller's in its order.
func TestPublishersAtOnce(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		const callers, each = 12, 15
		l := newLossy(t, r, time.Second)
		lost := []redistest.Match{redistest.Script(commitAttachSource).Holding(l.keys.Prefix()), redistest.Script(casAttachSource).Holding(l.keys.Prefix())}
		var groups atomic.Int64
		lose := func() {
			if n := int(groups.Add(1)); n%3 == 0 {
				l.dropper.Arm(1, lost[n/3%2])
			}
		}
		queues, nodes := []chan waiting{make(chan waiting), make(chan waiting)}, sync.WaitGroup{}
		nodes.Go(func() { l.serve(t.Context(), l.made.ID, queues[0], lose) })
		nodes.Go(func() { l.clean.serve(t.Context(), l.made.ID, queues[1], lose) })
		var all sync.WaitGroup
		for c := range callers {
			all.Go(func() {
				for i := range each {
					p := under(fmt.Sprint(c, "/", i), strconv.Itoa(i))
					p.Messages[0].Kind = "c" + strconv.Itoa(c)
					var unavailable *session.UnavailableError
					for told := false; !told; { // as a client does, who may: under its key nothing is published twice
						one := waiting{&Publishing{Publication: p}, make(chan struct{})}
						queues[c%2] <- one
						<-one.done
						// While a lost reply is waited for the other node may publish so often that the record remembers the operation no more.
						told = !errors.As(one.Err, &unavailable) && !errors.Is(one.Err, session.ErrUnknownOutcome)
						if told && one.Err != nil {
							t.Errorf("%d of %d: %v", i, c, one.Err)
							return
						}
					}
				}
			})
		}
		all.Wait()
		close(queues[0])
		close(queues[1])
		nodes.Wait()
		page, err := l.clean.Messages(t.Context(), l.made.ID, session.MessageQuery{Oldest: true, Limit: session.MaxPage}, session.Linearizable)
		if err != nil || len(page.Messages) != callers*each {
			t.Fatalf("%d messages, %v", len(page.Messages), err)
		}
		of := map[string]*strings.Builder{}
		for _, m := range page.Messages {
			if of[m.Kind] == nil {
				of[m.Kind] = &strings.Builder{}
			}
			fmt.Fprintf(of[m.Kind], "%s ", m.Data)
		}
		var want strings.Builder
		for i := range each {
			fmt.Fprintf(&want, "%d ", i)
		}
		for kind, got := range of {
			if got.String() != want.String() {
				t.Errorf("%s: %s", kind, got)
			}
		}
		rec, err := l.clean.readHome(t.Context(), l.clean.placeOf(l.made.ID))
		t.Logf("%d changes for %d messages in %d groups, %d replies lost", rec.Stamp.Version, callers*each, groups.Load(), l.dropper.Dropped())
		if err != nil || rec.Stamp.Version >= callers*each || l.dropper.Dropped() == 0 {
			t.Error(err)
		}
		l.clean.whole(t, l.made.ID, 1, rec.Stamp.Version)
	})
}
