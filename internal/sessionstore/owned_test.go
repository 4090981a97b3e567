package sessionstore

import (
	"testing"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// ownedAt reads since when the session's owner has it, from home, and fails the test where home's records and its copies disagree.
func (b bundle) ownedAt(t *testing.T, id session.ID, epoch, version uint64) time.Time {
	t.Helper()
	return b.whole(t, id, epoch, version).OwnedAt
}

// A session says since when its owner has it: from its creation, then from each takeover. Nothing else that happens to it changes that.
func TestOwnedSince(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		l := newLossy(t, r, 0)
		d := damaged{bundle: l.clean, made: l.made}
		if d.made.OwnedAt.IsZero() || !d.made.OwnedAt.Equal(d.made.CreatedAt) {
			t.Fatalf("made at %s, owned since %s", d.made.CreatedAt, d.made.OwnedAt)
		}
		d.update(t)
		version := uint64(1)
		if r.Masters() > 1 {
			l.forget(t, home)
			if _, err := d.Get(t.Context(), d.made.ID, session.Linearizable); err != nil {
				t.Fatal(err)
			}
			if moved, err := d.moveCopies(t.Context(), d.made.ID, l.other(t)); err != nil || !moved {
				t.Fatal(moved, err)
			}
			version++
		}
		if got := d.ownedAt(t, d.made.ID, 1, version); !got.Equal(d.made.OwnedAt) {
			t.Fatalf("owned since %s, after other changes since %s", d.made.OwnedAt, got)
		}
		before := d.Now().Truncate(time.Millisecond)
		taken := d.TakeOver(t.Context(), Takeover{ID: d.made.ID, From: holderA, Epoch: 1, To: holderB})[0]
		if taken.Err != nil || taken.Session.OwnedAt.Before(before) || taken.Session.OwnedAt.After(d.Now()) {
			t.Fatalf("taken over after %s: %+v", before, taken)
		}
		if got := d.ownedAt(t, d.made.ID, 2, version); !got.Equal(taken.Session.OwnedAt) {
			t.Fatalf("taken over at %s, owned since %s", taken.Session.OwnedAt, got)
		}
		d.remove(t)
		if got := d.ownedAt(t, d.made.ID, 2, version+1); !got.IsZero() {
			t.Fatalf("a deleted session is owned since %s", got)
		}
	})
}

// A record that an older version wrote does not say since when its owner has it. Changes leave it at that; the next takeover knows.
func TestOwnedSinceNobodyKnows(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		d := damaged{bundle: setup(t, r, 8)}
		d.made = d.create(t, "one", holderA)
		for _, tag := range append(d.chainFor(d.p()), home) {
			d.do(t, "HDEL", d.placeOf(d.made.ID).key(tag), fieldOwnedAt)
		}
		d.update(t)
		if got := d.ownedAt(t, d.made.ID, 1, 1); !got.IsZero() {
			t.Fatalf("owned since %s", got)
		}
		d.TakeOver(t.Context(), Takeover{ID: d.made.ID, From: holderA, Epoch: 1, To: holderB})
		if got := d.ownedAt(t, d.made.ID, 2, 1); got.IsZero() {
			t.Fatal("nobody knows since when the new owner has it")
		}
	})
}
