package sessionstore

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// under is a publication under an idempotency key.
func under(key string, data ...string) session.Publication {
	p := saying("k", data...)
	p.Idempotency = session.Idempotency{Key: key, Fingerprint: "f"}
	return p
}

// known fails the test unless publishing again under a key is answered with these messages.
func (b bundle) known(t *testing.T, id session.ID, p session.Publication, first []session.Message) {
	t.Helper()
	if again := b.publish(t, id, p); fmt.Sprint(again) != fmt.Sprint(first) {
		t.Errorf("under %q once more: %v, first %v", p.Idempotency.Key, again, first)
	}
}

// The index forgets what is trimmed, but for a key of which newer messages are kept.
func TestTheIndexIsTrimmedWithTheMessages(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b := setup(t, r, 8)
		made, version := b.create(t, "one", holderA), uint64(0)
		publish := func(p session.Publication) []session.Message {
			version++
			defer b.whole(t, made.ID, 1, version)
			return b.publish(t, made.ID, p)
		}
		publish(under("one", "1"))
		pair := publish(under("pair", "1", "2"))
		for i := range session.MessagesKept / session.MaxPublished {
			n := session.MaxPublished
			if i == 0 {
				n--
			}
			publish(under(strconv.Itoa(i), slices.Repeat([]string{"0"}, n)...)) // in the end, one's message is gone, and the first of the pair's
		}
		if kept := b.take(t, made.ID, home); len(kept.messages) != session.MessagesKept || kept.messages[0].ID != pair[1].ID.String() {
			t.Fatalf("%d messages from %s", len(kept.messages), kept.messages[0].ID)
		}
		b.known(t, made.ID, under("pair", "1", "2"), pair)
		anew := publish(under("one", "1"))
		b.known(t, made.ID, under("one", "1"), anew)
		publish(saying("k", "0"))
		b.known(t, made.ID, under("one", "1"), anew)
	})
}

// An index that is not the stream's is not gone by: nothing is published twice, and the next publish makes it anew.
func TestTheIndexIsMadeAnew(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		for name, c := range map[string]struct {
			spoil  func(before, now map[string]string) map[string]string
			mended bool // by the next publish
		}{
			"gone":                        {func(_, _ map[string]string) map[string]string { return nil }, true},
			"behind":                      {func(before, _ map[string]string) map[string]string { return before }, true},
			"ahead":                       {func(_, now map[string]string) map[string]string { now["last"] = "999-1"; return now }, true},
			"without its end":             {func(_, now map[string]string) map[string]string { delete(now, "last"); return now }, true},
			"with a message that is gone": {func(_, now map[string]string) map[string]string { now[digest("b")] = "999-1"; return now }, false},
			"with another key's message":  {func(_, now map[string]string) map[string]string { now[digest("b")] = now[digest("a")]; return now }, false},
			"with what is no message":     {func(_, now map[string]string) map[string]string { now[digest("b")] = "x"; return now }, false},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				ctx, b := t.Context(), setup(t, r, 8)
				d := damaged{bundle: b, made: b.create(t, "one", holderA)}
				id := d.made.ID
				first := b.publish(t, id, under("a", "1"))
				before := b.take(t, id, home).published
				pair := b.publish(t, id, under("b", "2", "3"))
				b.publish(t, id, saying("k", slices.Repeat([]string{"0"}, session.MaxPublished)...)) // more than a page of the search
				b.whole(t, id, 1, 3)
				spoilt := b.take(t, id, home)
				spoilt.published = c.spoil(before, maps.Clone(spoilt.published))
				d.back(t, home, spoilt)
				b.known(t, id, under("a", "1"), first)
				b.known(t, id, under("b", "2", "3"), pair)
				other := under("b", "2")
				other.Idempotency.Fingerprint = "g"
				if _, err := b.publishOne(ctx, id, b.NewOp(), other); !errors.Is(err, session.ErrIdempotencyMismatch) {
					t.Errorf("another body: %v", err)
				}
				b.publish(t, id, under("c", "4"))
				if wrong := b.take(t, id, home).besides(home); c.mended && wrong != "" {
					t.Errorf("after the next publish: %s", wrong)
				}
				b.known(t, id, under("b", "2", "3"), pair)
			})
		}
	})
}

// The scripts of the index run on the server of "orchestrator dev", too.
func TestTheIndexOnTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	c, err := redisx.Open(t.Context(), redisx.Options{Seeds: []string{redistest.Embedded(t)}, Embedded: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	k, err := keyspace.New(redistest.Prefix(t), 8)
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, c, k, Config{})
	d := damaged{bundle: b, made: b.create(t, "one", holderA)}
	pair := b.publish(t, d.made.ID, under("pair", "1", "2"))
	for range session.MessagesKept / session.MaxPublished {
		b.known(t, d.made.ID, under("pair", "1", "2"), pair)
		b.publish(t, d.made.ID, saying("k", slices.Repeat([]string{"0"}, session.MaxPublished)...))
	}
	again := b.publish(t, d.made.ID, under("pair", "1", "2"))
	if again[0].ID.Position != session.MessagesKept+3 {
		t.Errorf("after its messages are gone: %v", again)
	}
	d.do(t, "DEL", k.Published(d.made.ID))
	b.known(t, d.made.ID, under("pair", "1", "2"), again)
	b.publish(t, d.made.ID, saying("k", "0"))
	if wrong := b.take(t, d.made.ID, home).besides(home); wrong != "" {
		t.Error(wrong)
	}
}

// Where home is given all messages it is given the index of all, and where it is given those that it lacks, of those.
func TestARepairMakesTheIndex(t *testing.T) {
	t.Parallel()
	r := redistest.Shared(t)
	b := setup(t, r, 8)
	d := damaged{bundle: b, made: b.create(t, "one", holderA)}
	first := b.publish(t, d.made.ID, under("a", "1"))
	old := b.take(t, d.made.ID, home)
	second := b.publish(t, d.made.ID, under("b", "2"))
	for name, was := range map[string]still{"lost": {}, "behind": old} {
		d.back(t, home, was)
		b.auditAll(t)
		t.Log(name)
		b.whole(t, d.made.ID, 1, 2)
		b.known(t, d.made.ID, under("a", "1"), first)
		b.known(t, d.made.ID, under("b", "2"), second)
	}
}

// What a former version's delete, or a stranger's, leaves of the index goes with the tombstone, or with the entries.
func TestNothingIsLeftOfTheIndex(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b := short(t, r, 0)
		d := damaged{bundle: b, made: b.create(t, "one", holderA)}
		key := b.keys.Published(d.made.ID)
		d.remove(t)
		d.do(t, "HSET", key, "last", "1-1")
		b.awaitReport(t, func(sum session.SyncReport) bool { return sum.TombstonesCollected == 1 })
		b.bare(t, d.made.ID)

		other := damaged{bundle: b, made: b.create(t, "two", holderA)}
		b.publish(t, other.made.ID, under("a", "1"))
		for tag := range keyspace.CopyTags + 1 {
			other.do(t, "DEL", b.placeOf(other.made.ID).key(tag))
		}
		b.auditAll(t)
		b.bare(t, other.made.ID, allCopyTags...)
	})
}
