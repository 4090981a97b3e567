package sessionstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// held is a store that does nothing of its fast changes but what they are acknowledged on, until it is told to.
type held struct {
	damaged
	other  bundle // a second node
	rest   []func()
	failed int // of those that were done
}

func newHeld(t *testing.T, r redistest.Redis) *held {
	t.Helper()
	b := setup(t, r, 8)
	h := &held{damaged: damaged{bundle: b}, other: open(t, b.client, b.keys, Config{})}
	h.leave = func(ctx context.Context, rest *step, finish func(context.Context)) bool {
		h.rest = append(h.rest, func() {
			if finish(context.WithoutCancel(ctx)); rest.failed() {
				h.failed++
			}
		})
		return true
	}
	h.made = h.createFast(t, "one")
	if len(h.rest) > 0 {
		t.Fatal("a create was acknowledged before home had it")
	}
	h.copy = h.chainFor(h.p())[0]
	return h
}

// release has the store do what it left.
func (h *held) release() {
	for _, finish := range h.rest {
		finish()
	}
	h.rest = nil
}

func (b bundle) createFast(t *testing.T, name string) session.Session {
	t.Helper()
	id, d := b.NewID(), draft(name)
	d.Durability = session.Fast
	res := b.Create(t.Context(), Birth{ID: id, Draft: d, Owner: holderA, Chain: b.ChainFor(id)})
	if res[0].Err != nil {
		t.Fatal(res[0].Err)
	}
	return res[0].Session
}

func (b bundle) status(t *testing.T, id session.ID, c session.Consistency) session.Status {
	t.Helper()
	got, err := b.Get(t.Context(), id, c)
	if err != nil {
		t.Fatal(err)
	}
	return got.Status
}

// cluster skips where a session has no copy that a change could be acknowledged on.
func cluster(t *testing.T, r redistest.Redis) {
	t.Helper()
	if r.Masters() < 2 {
		t.Skip("one master: there are no copies")
	}
}

func TestAFastWriteIsAcknowledgedByTheFirstCopy(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		cluster(t, r)
		h := newHeld(t, r)
		h.update(t)
		if got := h.status(t, h.made.ID, session.Eventual); got != session.Active {
			t.Errorf("home says %s before it was told", got)
		}
		if got := h.other.status(t, h.made.ID, session.Linearizable); got != session.Idle {
			t.Errorf("another node reads %s after the acknowledgement", got)
		}
		if got := h.status(t, h.made.ID, session.Eventual); got != session.Idle {
			t.Errorf("home says %s though a read has finished the change", got)
		}
		h.release()
		if got := h.other.status(t, h.made.ID, session.Linearizable); got != session.Idle {
			t.Errorf("it is %s in the end", got)
		}
		h.healthy(t, 1)
	})
}

// What the next one decides on is never a change that home does not have: it finishes that first.
func TestNobodyBuildsOnAFastWriteBeforeHomeHasIt(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		cluster(t, r)
		h := newHeld(t, r)
		h.update(t)
		taken := h.other.TakeOver(t.Context(), Takeover{ID: h.made.ID, From: holderA, Epoch: 1, To: holderB})
		if taken[0].Err != nil || taken[0].Session.Stamp.Epoch != 2 || taken[0].Session.Stamp.Version != 1 || taken[0].Session.Status != session.Idle {
			t.Fatalf("taken over: %+v", taken[0])
		}
		if len(h.rest) != 1 {
			t.Error("a takeover was acknowledged early")
		}
		h.release()
		got, err := h.other.Get(t.Context(), h.made.ID, session.Linearizable)
		if err != nil || got.Stamp != taken[0].Session.Stamp {
			t.Errorf("the rest of the write made %v of it, %v", got, err)
		}
		h.healthy(t, 1)
	})
}

// What may be lost: a write whose first copy goes back before home has it, and that alone.
func TestAFastWriteMayBeLostWithItsFirstCopy(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		cluster(t, r)
		h := newHeld(t, r)
		h.update(t)
		h.release()
		before := h.take(t, h.made.ID, h.copy)
		name := "lost"
		if _, err := h.Update(t.Context(), h.made.ID, h.NewOp(), session.Patch{Name: &name}, session.Condition{}); err != nil {
			t.Fatal(err)
		}
		h.back(t, h.copy, before)
		taken := h.other.TakeOver(t.Context(), Takeover{ID: h.made.ID, From: holderA, Epoch: 1, To: holderB})
		if taken[0].Err != nil || taken[0].Session.Name != "one" || taken[0].Session.Status != session.Idle {
			t.Fatalf("taken over: %+v", taken[0])
		}
		h.release()
		got, err := h.other.Get(t.Context(), h.made.ID, session.Linearizable)
		if err != nil || got.Stamp != taken[0].Session.Stamp || got.Holder != holderB {
			t.Errorf("a fenced node's write made %v of it, %v", got, err)
		}
		if h.failed != 1 {
			t.Error("it does not count as gone")
		}
		if lost, _, err := h.Verify(t.Context()); err != nil || !slices.Contains(lost, h.made.ID) {
			t.Errorf("the loss is not noticed: %v %v", lost, err)
		}
		h.healthy(t, 1)
	})
}

// One that home has is as safe as any: home or the copy may go back.
func TestAFastWriteThatHomeHasIsKept(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		cluster(t, r)
		for _, atHome := range []bool{false, true} {
			h := newHeld(t, r)
			tag := h.copy
			if atHome {
				tag = home
			}
			before := h.take(t, h.made.ID, tag)
			h.update(t)
			h.release()
			h.back(t, tag, before)
			if got := h.other.status(t, h.made.ID, session.Linearizable); got != session.Idle {
				t.Errorf("place %d went back, and it is %s", tag, got)
			}
		}
	})
}

// Messages and contexts of a fast session are acknowledged as its other writes are; a deletion is not.
func TestWhatAFastSessionAcknowledgesEarly(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		cluster(t, r)
		h := newHeld(t, r)
		early := func(what string, want int) {
			if len(h.rest) != want {
				t.Errorf("%s left %d changes for later, want %d", what, len(h.rest), want)
			}
			h.release()
		}
		h.publish(t, h.made.ID, saying("a", "1", "2"))
		early("a publish", 1)
		h.saveContext(t, h.made.ID, "state")
		early("a context", 1)
		h.other.readAs(t, h.made.ID, "12", "state")
		h.remove(t)
		early("a deletion", 0)
		acked := damaged{bundle: h.bundle, made: h.create(t, "two", holderA)}
		acked.update(t)
		early("a write of a session that is not fast", 0)
	})
}

func TestWithoutCopiesNothingIsEarly(t *testing.T) {
	t.Parallel()
	b := setup(t, redistest.Shared(t), 8)
	one := open(t, b.client, b.keys, Config{ReplicationFactor: 1})
	one.leave = func(context.Context, *step, func(context.Context)) bool {
		t.Error("something is left to do")
		return false
	}
	made := one.createFast(t, "one")
	damaged{bundle: one, made: made}.update(t)
	if got := one.status(t, made.ID, session.Eventual); got != session.Idle {
		t.Errorf("home says %s", got)
	}
}

// Writers of one node follow each other without a refusal; what it left is done when Settle returns, and was measured.
func TestFastWritesFollowEachOther(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b := setup(t, r, 8)
		var mu sync.Mutex
		var lags []time.Duration
		b.OnLag(func(lag time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			lags = append(lags, lag)
		})
		made := b.createFast(t, "one")
		for i := range 20 {
			name := fmt.Sprint("name", i)
			got, err := b.Update(t.Context(), made.ID, b.NewOp(), session.Patch{Name: &name}, session.Condition{})
			if err != nil || got.Name != name || got.Stamp.Version != uint64(i+1) {
				t.Fatalf("write %d: %v %v", i, got, err)
			}
		}
		if err := b.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if open, left := b.Behind(); open != 0 || left != 0 {
			t.Errorf("%d are open, %d were left", open, left)
		}
		if got, err := b.readHome(t.Context(), b.placeOf(made.ID)); err != nil || got.Name != "name19" {
			t.Errorf("home has %q %v", got.Name, err)
		}
		want := 20
		if r.Masters() < 2 {
			want = 0
		}
		mu.Lock()
		defer mu.Unlock()
		if len(lags) != want {
			t.Errorf("%d lags were told, want %d", len(lags), want)
		}
	})
}

// A node that has as many of them open as it may acknowledges as if the session were not fast.
func TestFastWritesAreBounded(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		cluster(t, r)
		b := setup(t, r, 8)
		b.behind.most = 0
		made := b.createFast(t, "one")
		damaged{bundle: b, made: made}.update(t)
		if got, err := b.readHome(t.Context(), b.placeOf(made.ID)); err != nil || got.Status != session.Idle {
			t.Errorf("home has %v %v", got.Status, err)
		}
	})
}

// A place that refuses what is left is settled at once, not by whoever comes next.
func TestTheRestOfAFastWriteSettlesWhatRefusesIt(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		cluster(t, r)
		h := newHeld(t, r)
		before := h.take(t, h.made.ID, home)
		h.update(t)
		h.release()
		name := "second"
		if _, err := h.Update(t.Context(), h.made.ID, h.NewOp(), session.Patch{Name: &name}, session.Condition{}); err != nil {
			t.Fatal(err)
		}
		h.back(t, home, before)
		h.release()
		if got, err := h.readHome(t.Context(), h.placeOf(h.made.ID)); err != nil || got.Name != name || got.Status != session.Idle {
			t.Errorf("home has %q %v %v", got.Name, got.Status, err)
		}
		if h.failed > 0 {
			t.Error("it counts as gone")
		}
		h.healthy(t, 1)
	})
}

// What is on its way home is no damage: nobody mends it or counts it; and the next change through this node does not run into it.
func TestWhatIsOnItsWayIsWaitedFor(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		cluster(t, r)
		b := setup(t, r, 8)
		let := make(chan struct{})
		b.leave = func(ctx context.Context, rest *step, finish func(context.Context)) bool {
			return b.behind.start(ctx, rest, func(ctx context.Context) {
				<-let
				finish(ctx)
			})
		}
		made := b.createFast(t, "one")
		damaged{bundle: b, made: made}.update(t)
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if lost, report, err := b.Verify(short); len(lost) > 0 || report != (session.SyncReport{}) || err == nil {
			t.Errorf("verified %v %+v %v", lost, report, err)
		}
		soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		var u *session.UnavailableError
		if _, err := b.Update(soon, made.ID, b.NewOp(), session.Patch{Status: &idle}, session.Condition{}); !errors.As(err, &u) {
			t.Errorf("the next change does not wait: %v", err)
		}
		close(let)
		if lost, report, err := b.Verify(t.Context()); len(lost) > 0 || report != (session.SyncReport{}) || err != nil {
			t.Errorf("verified %v %+v %v in the end", lost, report, err)
		}
	})
}

// Whoever was told the id of a message that home does not have yet may go on from it, and a repair that brings it home tells no event.
func TestAFastMessageOnItsWay(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		cluster(t, r)
		h := newHeld(t, r)
		h.publish(t, h.made.ID, saying("a", "1"))
		h.release()
		last := h.publish(t, h.made.ID, saying("a", "2"))[0].ID
		page, err := h.other.Messages(t.Context(), h.made.ID, session.MessageQuery{After: last, Limit: 10}, session.Eventual)
		if err != nil || len(page.Messages) != 0 || page.Next != last {
			t.Errorf("behind the last message: %+v %v", page, err)
		}
		if page, err = h.other.Messages(t.Context(), h.made.ID, session.MessageQuery{Oldest: true, Limit: 10}, session.Linearizable); err != nil || len(page.Messages) != 2 {
			t.Errorf("all messages: %+v %v", page, err)
		}
		h.release()
		tells(t, h.bundle, h.made.ID, "created 1.0 node-a - - create")
	})
}

// What cannot be finished is given up and counted, and whoever comes next finishes it.
func TestAFastWriteThatHomeCannotBeToldIsLeft(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		cluster(t, r)
		h := newHeld(t, r)
		b := h.other
		b.leave = func(ctx context.Context, rest *step, finish func(context.Context)) bool {
			return b.behind.start(ctx, rest, func(context.Context) { rest.err = redisx.Unavailable("planted", nil) })
		}
		damaged{bundle: b, made: h.made}.update(t)
		if err := b.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if open, left := b.Behind(); open != 0 || left != 1 {
			t.Errorf("%d are open, %d were left", open, left)
		}
		if got := h.status(t, h.made.ID, session.Linearizable); got != session.Idle {
			t.Errorf("it is %s", got)
		}
		b.leave = b.behind.start
		for n, want := range []string{"while the partition is astray", "when it is no longer"} {
			if b.behind.astray[h.p()] != (n == 0) {
				t.Errorf("%s: it is %v", want, b.behind.astray)
			}
			if _, err := b.Update(t.Context(), h.made.ID, b.NewOp(), session.Patch{Name: &want}, session.Condition{}); err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				if got, err := b.readHome(t.Context(), b.placeOf(h.made.ID)); err != nil || got.Name != want {
					t.Errorf("%s a write is acknowledged and home has %q %v", want, got.Name, err)
				}
			}
			if err := b.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		h.healthy(t, 1)
	})
}

// Who waits for what is under way waits no longer than it may.
func TestWaitingForAFastWriteEnds(t *testing.T) {
	t.Parallel()
	b := newBehind()
	ctx, cancel := context.WithCancel(t.Context())
	b.open["x"] = make(chan struct{})
	cancel()
	var u *session.UnavailableError
	if err := b.wait(ctx, "x"); !errors.As(err, &u) && !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := b.wait(ctx, "y"); err != nil {
		t.Errorf("nothing is open of another: %v", err)
	}
}
