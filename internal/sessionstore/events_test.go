package sessionstore

import (
	"fmt"
	"strings"
	"testing"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// told returns what a partition's events say, without ids of sessions.
func (b bundle) told(t *testing.T, id session.ID) (lines []string) {
	t.Helper()
	entries, err := b.client.Redis().XRange(t.Context(), b.keys.Events(b.keys.Partition(id)), "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		for kind, text := range e.Values {
			if rest, ok := strings.CutPrefix(text.(string), string(id)+" "); ok {
				lines = append(lines, kind+" "+rest)
			}
		}
	}
	return lines
}

func tells(t *testing.T, b bundle, id session.ID, want ...string) {
	t.Helper()
	if got := b.told(t, id); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("told\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestEachChangeIsToldOnce(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, plain := t.Context(), setup(t, r, 8)
		b := open(t, plain.client, plain.keys, Config{Node: "node-z"})
		id := b.create(t, "one", holderA).ID
		idle := session.Idle
		if _, err := b.Update(ctx, id, b.NewOp(), session.Patch{Status: &idle}, session.Condition{}); err != nil {
			t.Fatal(err)
		}
		for n, take := range []Takeover{
			{From: holderA, To: holderB, Why: session.WhyOwnerDead}, {From: holderB, To: holderA, Why: session.WhyDrain},
			{From: holderA, To: session.Holder{Node: holderA.Node, Incarnation: "cccccccccccccccc"}, Why: session.WhyOrphan},
		} {
			take.ID = id
			if res := b.TakeOver(ctx, take)[0]; res.Err != nil {
				t.Fatal(n, res.Err)
			}
		}
		if _, err := b.Delete(ctx, id, b.NewOp(), session.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
		tells(t, b, id, "created 1.0 node-a - node-z create", "updated 1.1 node-a - node-z patch", "assigned 2.1 node-b node-a node-z owner dead",
			"moved 3.1 node-a node-b node-z drain", "assigned 4.1 node-a - node-z orphan", "deleted 4.2 node-a - node-z delete")

		// Reads and sync rounds of a store in order tell nothing.
		quiet := b.create(t, "two", holderA)
		for _, c := range []session.Consistency{session.Eventual, session.Linearizable} {
			if _, err := b.Get(ctx, quiet.ID, c); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Audit(ctx, b.Partition(quiet.ID), nil, func(session.Session) {}); err != nil {
			t.Fatal(err)
		}
		tells(t, b, quiet.ID, "created 1.0 node-a - node-z create")
	})
}

// What a repair commits is told as what it is, by whoever finishes it.
func TestARepairTellsWhatItCommits(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		if r.Masters() < 2 {
			t.Skip("one master: there are no copies to repair from")
		}
		ctx, b := t.Context(), setup(t, r, 8)
		id := b.create(t, "one", holderA).ID
		p := b.placeOf(id)
		base, err := b.readHome(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		next := base.deleted(b.NewOp()) // reaches the copy alone: its writer dies
		im, err := b.codec.imageOver(next, base)
		if err != nil {
			t.Fatal(err)
		}
		st := newStep(p, session.WhyDelete, base.Holder.Node, im, over(base)[:1])
		if b.apply(ctx, st); st.outcome() != nil {
			t.Fatal(st.outcome())
		}
		tells(t, b, id, "created 1.0 node-a - - create")
		for range 2 {
			if r, err := b.resolve(ctx, p, base.Chain); err != nil || !r.Tombstone {
				t.Fatal(r, err)
			}
		}
		tells(t, b, id, "created 1.0 node-a - - create", "deleted 1.1 node-a - - repair")

		lost := b.create(t, "two", holderA) // home loses a record
		if err := b.client.Redis().Del(ctx, b.keys.Session(lost.ID)).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Get(ctx, lost.ID, session.Linearizable); err != nil {
			t.Fatal(err)
		}
		// What was created and lost at once is told again: nobody can tell it from a create whose home was not reached.
		tells(t, b, lost.ID, "created 1.0 node-a - - create", "created 1.0 node-a - - repair")
		idle := session.Idle
		if _, err := b.Update(ctx, lost.ID, b.NewOp(), session.Patch{Status: &idle}, session.Condition{}); err != nil {
			t.Fatal(err)
		}
		if err := b.client.Redis().Del(ctx, b.keys.Session(lost.ID)).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Get(ctx, lost.ID, session.Linearizable); err != nil {
			t.Fatal(err)
		}
		if got := b.told(t, lost.ID); got[len(got)-1] != "updated 1.1 node-a - - repair" {
			t.Error(got)
		}
	})
}

func TestTheEndOfALifeIsToldAsSuch(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 8)
		id := b.NewID()
		d := draft("short")
		d.TTL = 1 // a moment
		if res := b.Create(ctx, Birth{ID: id, Draft: d, Owner: holderA, Chain: b.ChainFor(id)}); res[0].Err != nil {
			t.Fatal(res[0].Err)
		}
		for {
			if ended, err := b.Expire(ctx, id, nil); err != nil {
				t.Fatal(err)
			} else if ended {
				break
			}
		}
		tells(t, b, id, "created 1.0 node-a - - create", "expired 1.1 node-a - - ttl ended")
	})
}

// Events are dropped, the oldest first, once there are many more than are kept.
func TestEventsAreCapped(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 1)
		key := b.keys.Events(0)
		pipe := b.client.Redis().Pipeline()
		for i := range session.EventsKept + 500 {
			pipe.Do(ctx, "XADD", key, "*", "updated", fmt.Sprint("x", i))
		}
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
		b.create(t, "one", holderA)
		if n, err := b.client.Redis().XLen(ctx, key).Result(); err != nil || n < session.EventsKept || n > session.EventsKept+200 {
			t.Errorf("%d events %v", n, err)
		}
	})
}

// A script that is sent again, as after a reply that was lost, tells nothing again.
func TestASentAgainChangeIsToldOnce(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 8)
		id := b.create(t, "one", holderA).ID
		p := b.placeOf(id)
		base, err := b.readHome(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		im, err := b.codec.imageOver(base.takenOver(b.NewOp(), holderB), base)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			st := newStep(p, session.WhyMigrate, base.Holder.Node, im, over(base))
			if b.apply(ctx, st); st.outcome() != nil {
				t.Fatal(st.outcome())
			}
		}
		tells(t, b, id, "created 1.0 node-a - - create", "moved 2.0 node-b node-a - migrate")
	})
}

// Something else where a partition's events belong is named, and no change is made that could not be told.
func TestAStrangeKeyOfEventsIsNamed(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 1)
		id := b.create(t, "one", holderA).ID
		b.plant(t, b.keys.Events(0), []any{"SET", "x"})
		idle := session.Idle
		_, err := b.Update(ctx, id, b.NewOp(), session.Patch{Status: &idle}, session.Condition{})
		names(t, "an update", err, b.keys.Events(0), "another type")
		if err := b.client.Redis().Del(ctx, b.keys.Events(0)).Err(); err != nil {
			t.Fatal(err)
		}
		if s, err := b.Update(ctx, id, b.NewOp(), session.Patch{Status: &idle}, session.Condition{}); err != nil || s.Status != session.Idle {
			t.Error(s, err)
		}
	})
}
