package sessionstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// damaged is a session that harm is done to behind the store's back.
type damaged struct {
	bundle
	made session.Session
	copy int // the tag of its copy
}

func (d damaged) p() int { return d.Partition(d.made.ID) }

// back sets a place back to an earlier still, or to nothing.
func (d damaged) back(t *testing.T, tag int, old still) {
	t.Helper()
	if err := sceneOf(d.keys, d.made.ID, tag, []session.Holder{holderA, holderB}).put(t.Context(), d.client.Redis(), old); err != nil {
		t.Fatal(err)
	}
}

func (d damaged) do(t *testing.T, args ...any) {
	t.Helper()
	if err := d.client.Redis().Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
}

func (d damaged) update(t *testing.T) {
	t.Helper()
	if _, err := d.Update(t.Context(), d.made.ID, d.NewOp(), session.Patch{Status: &idle}, session.Condition{}); err != nil {
		t.Fatal(err)
	}
}

func (d damaged) remove(t *testing.T) {
	t.Helper()
	if _, err := d.Delete(t.Context(), d.made.ID, d.NewOp(), session.Condition{}, nil); err != nil {
		t.Fatal(err)
	}
}

// begin writes a change to the copy and leaves it at that, as a node that died would.
func (d damaged) begin(t *testing.T) {
	t.Helper()
	base, err := d.readHome(t.Context(), d.placeOf(d.made.ID))
	if err != nil {
		t.Fatal(err)
	}
	im, err := d.codec.image(base.next(d.NewOp()))
	if err != nil {
		t.Fatal(err)
	}
	st := newStep(d.placeOf(d.made.ID), session.WhyPatch, base.Holder.Node, im, over(base)[:1])
	if d.apply(t.Context(), st); st.outcome() != nil {
		t.Fatal(st.outcome())
	}
}

// damages are what may be wrong in Redis, and in which field of the report its repair is counted.
var damages = []struct {
	name    string
	copies  bool // there must be one
	harm    func(*testing.T, damaged)
	mended  session.SyncReport
	version uint64 // afterwards
	deleted bool
}{
	{name: "a copy's key is gone", copies: true, mended: session.SyncReport{CopiesRepaired: 1},
		harm: func(t *testing.T, d damaged) { d.do(t, "DEL", d.keys.Copy(d.made.ID, d.copy)) }},
	{name: "a copy's place is empty", copies: true, mended: session.SyncReport{CopiesRepaired: 1},
		harm: func(t *testing.T, d damaged) { d.back(t, d.copy, still{}) }},
	{name: "a copy is older", copies: true, version: 2, mended: session.SyncReport{CopiesRepaired: 1},
		harm: func(t *testing.T, d damaged) {
			old := d.take(t, d.made.ID, d.copy)
			d.update(t)
			d.update(t)
			d.back(t, d.copy, old)
		}},
	{name: "a copy is one unfinished change ahead", copies: true, version: 1, mended: session.SyncReport{HomesRestored: 1},
		harm: func(t *testing.T, d damaged) { d.begin(t) }},
	{name: "home's key is gone", copies: true, mended: session.SyncReport{HomesRestored: 1},
		harm: func(t *testing.T, d damaged) { d.do(t, "DEL", d.keys.Session(d.made.ID)) }},
	{name: "home is empty", copies: true, mended: session.SyncReport{HomesRestored: 1},
		harm: func(t *testing.T, d damaged) { d.back(t, home, still{}) }},
	{name: "home is older", copies: true, version: 2, mended: session.SyncReport{HomesRestored: 1},
		harm: func(t *testing.T, d damaged) {
			old := d.take(t, d.made.ID, home)
			d.update(t)
			d.update(t)
			d.back(t, home, old)
		}},
	{name: "the index names a session that is not", mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) {
			d.do(t, "ZADD", d.keys.Index(d.p()), 0, string(d.NewID().InPartition(d.p(), 8)))
		}},
	{name: "the index lacks the session", mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) { d.do(t, "ZREM", d.keys.Index(d.p()), string(d.made.ID)) }},
	{name: "the set of a node that is not listed names the session", mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) {
			d.do(t, "ZADD", d.keys.Owned(d.p(), holderB.Node), 0, string(d.made.ID))
		}},
	{name: "a copy is not listed", copies: true, mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) { d.do(t, "ZREM", d.keys.Copies(d.p(), d.copy), string(d.made.ID)) }},
	{name: "the list of copies names a session that is not", copies: true, mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) {
			d.do(t, "ZADD", d.keys.Copies(d.p(), d.copy), 0, string(d.NewID().InPartition(d.p(), 8)))
		}},
	{name: "the list of copies names a session that has none there", copies: true, mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) { d.do(t, "ZADD", d.keys.Copies(d.p(), 1+d.copy%7), 0, string(d.made.ID)) }},
	{name: "the expiry names a session that is not", mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) {
			d.do(t, "ZADD", d.keys.Expiry(d.p()), 9999999999999, string(d.NewID().InPartition(d.p(), 8)))
		}},
	{name: "the expiry names what is no session", mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) { d.do(t, "ZADD", d.keys.Expiry(d.p()), 12345, "somebody's") }},
	{name: "the expiry names a deleted session", version: 1, deleted: true, mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) {
			d.remove(t)
			d.do(t, "ZADD", d.keys.Expiry(d.p()), 12345, string(d.made.ID))
		}},
	{name: "another node's set names the session", mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) {
			d.do(t, "ZADD", d.keys.Owned(d.p(), holderB.Node), 0, string(d.made.ID))
			d.do(t, "SADD", d.keys.Owners(d.p()), string(holderB.Node))
		}},
	{name: "the owner's set names a session that is not", mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) {
			d.do(t, "ZADD", d.keys.Owned(d.p(), holderA.Node), 0, string(d.NewID().InPartition(d.p(), 8)))
		}},
	{name: "the owner's set lacks the session", mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) { d.do(t, "ZREM", d.keys.Owned(d.p(), holderA.Node), string(d.made.ID)) }},
	{name: "the owners lack the owner", mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) { d.do(t, "SREM", d.keys.Owners(d.p()), string(holderA.Node)) }},
	{name: "the expiry lacks the session", version: 1, mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) {
			d.expiring(t)
			d.do(t, "ZREM", d.keys.Expiry(d.p()), string(d.made.ID))
		}},
	{name: "the expiry is another", version: 1, mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) {
			d.expiring(t)
			d.do(t, "ZADD", d.keys.Expiry(d.p()), 12345, string(d.made.ID))
		}},
	{name: "the expiry names a session that does not expire", mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) { d.do(t, "ZADD", d.keys.Expiry(d.p()), 12345, string(d.made.ID)) }},
	{name: "a deleted session's copy is alive again", copies: true, version: 1, deleted: true, mended: session.SyncReport{CopiesRepaired: 1},
		harm: func(t *testing.T, d damaged) {
			old := d.take(t, d.made.ID, d.copy)
			d.remove(t)
			d.back(t, d.copy, old)
		}},
	{name: "a deleted session's home is alive again", copies: true, version: 1, deleted: true, mended: session.SyncReport{HomesRestored: 1},
		harm: func(t *testing.T, d damaged) {
			old := d.take(t, d.made.ID, home)
			d.remove(t)
			d.back(t, home, old)
		}},
	{name: "a deleted session's home is empty", copies: true, version: 1, deleted: true, mended: session.SyncReport{HomesRestored: 1},
		harm: func(t *testing.T, d damaged) {
			d.remove(t)
			d.back(t, home, still{})
		}},
	{name: "the tombstones lack the deleted session", copies: true, version: 1, deleted: true, mended: session.SyncReport{IndexRepaired: 1},
		harm: func(t *testing.T, d damaged) {
			d.remove(t)
			d.do(t, "ZREM", d.keys.Tombstones(d.p()), string(d.made.ID))
		}},
}

// expiring gives the session a time to live.
func (d damaged) expiring(t *testing.T) {
	t.Helper()
	ttl := session.IdempotencyKept
	if _, err := d.Update(t.Context(), d.made.ID, d.NewOp(), session.Patch{TTL: &ttl}, session.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// Whatever is planted, one sync round mends it and counts it in its field, and the next finds nothing.
func TestAuditMends(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		for _, c := range damages {
			if c.copies && r.Masters() == 1 {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				d := damaged{bundle: setup(t, r, 8)}
				d.made = d.create(t, "one", holderA)
				if r.Masters() > 1 {
					d.copy = d.chainFor(d.p())[0]
				}
				c.harm(t, d)
				if !c.deleted {
					c.mended.Records = 1
				}
				got := d.auditAll(t)
				if got.Records = c.mended.Records; got != c.mended { // a session is counted where it was listed
					t.Fatalf("reported %+v, want %+v", got, c.mended)
				}
				d.whole(t, d.made.ID, 1, c.version)
				d.healthy(t, c.mended.Records)
				if _, err := d.Get(t.Context(), d.made.ID, session.Linearizable); c.deleted != errors.Is(err, session.ErrNotFound) {
					t.Fatalf("read afterwards: %v", err)
				}
			})
		}
	})
}

// A change that may still be under way is its writer's to finish: the sync round leaves it alone, and finishes it once it is old.
func TestAuditLeavesChangesUnderWay(t *testing.T) {
	t.Parallel()
	d := damaged{bundle: setup(t, redistest.Shared(t), 8)}
	d.made = d.create(t, "one", holderA)
	d.begin(t)
	d.takes = time.Hour
	if got, want := d.auditAll(t), (session.SyncReport{}); got != want {
		t.Fatalf("a change under way is reported as %+v", got)
	}
	d.do(t, "DEL", d.keys.Session(d.made.ID))
	d.do(t, "ZREM", d.keys.Index(d.p()), string(d.made.ID))
	if got, want := d.auditAll(t), (session.SyncReport{}); got != want {
		t.Fatalf("a session whose home is lost, its copy under way, is reported as %+v", got)
	}
	d.takes = 0
	if got, want := d.auditAll(t), (session.SyncReport{Records: 1, HomesRestored: 1}); got != want {
		t.Fatalf("an unfinished change is reported as %+v", got)
	}
	d.whole(t, d.made.ID, 1, 1)
}

// A store in which everything has happened that may happen audits to zero.
func TestAuditOfAHealthyStore(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b, ctx := setup(t, r, 4), t.Context()
		live := 0
		for i := range 40 {
			d := damaged{bundle: b, made: b.create(t, fmt.Sprint("s", i), holderA)}
			switch live++; i % 5 {
			case 1:
				d.expiring(t)
				d.update(t)
			case 2:
				if res := b.TakeOver(ctx, Takeover{ID: d.made.ID, From: holderA, Epoch: 1, To: holderB}); res[0].Err != nil {
					t.Fatal(res[0].Err)
				}
			case 3:
				d.remove(t)
				live--
			}
		}
		if _, err := b.Claim(ctx, session.Idempotency{Key: "k", Fingerprint: "f"}, b.NewID()); err != nil {
			t.Fatal(err)
		}
		visited := 0
		for p := range b.Partitions() {
			if _, err := b.Audit(ctx, p, nil, func(s session.Session) {
				if visited++; s.Holder.Incarnation == "" || s.Stamp.IsZero() {
					t.Errorf("visited %+v", s)
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		if visited != live {
			t.Fatalf("visited %d sessions, want %d", visited, live)
		}
		b.healthy(t, live)
	})
}

// A change that makes a record too large, or nests it too deep, is refused at once and leaves nothing behind.
func TestWhatCannotBeWrittenIsRefused(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b := setup(t, r, 8)
		made := b.create(t, "one", holderA)
		deep := session.Patch{Config: nested(maxConfigDepth + 5)}
		var invalid *session.InvalidError
		if _, err := b.Update(t.Context(), made.ID, b.NewOp(), deep, session.Condition{}); !errors.As(err, &invalid) || invalid.Field != "config" {
			t.Fatalf("nested too deep: %v", err)
		}
		grow := func(base Record, op session.OpID) (Record, error) {
			n := base.next(op)
			n.Config = map[string]any{"x": strings.Repeat("x", session.MaxBlob)}
			return n, nil
		}
		var large *session.TooLargeError
		if _, err := b.change(t.Context(), made.ID, b.NewOp(), session.WhyPatch, time.Time{}, grow); !errors.As(err, &large) || large.Used <= large.Limit {
			t.Fatalf("too large: %v", err)
		}
		id := b.NewID()
		d := draft("two")
		d.Config = nested(maxConfigDepth + 5)
		res := b.Create(t.Context(), Birth{ID: id, Draft: d, Owner: holderA, Chain: b.ChainFor(id)})
		if !errors.As(res[0].Err, &invalid) {
			t.Fatalf("create nested too deep: %v", res[0].Err)
		}
		b.whole(t, made.ID, 1, 0)
		b.healthy(t, 1)
	})
}
