package sessionstore

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// explained explains a session and holds that nothing was changed by it.
func (b bundle) explained(t *testing.T, id session.ID) session.Explanation {
	t.Helper()
	before := b.everywhere(t, id)
	e, err := b.Explain(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if after := b.everywhere(t, id); after != before {
		t.Errorf("it was\n%s\nand is\n%s", before, after)
	}
	return e
}

func (b bundle) everywhere(t *testing.T, id session.ID) string {
	t.Helper()
	p, text := b.placeOf(id), ""
	for tag := range 1 + keyspace.CopyTags {
		text += b.dump(t, p.key(tag)) + "\n"
	}
	return text
}

func TestExplain(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 4)
		made := b.create(t, "one", holderA)
		d := damaged{bundle: b}
		e := b.explained(t, made.ID)
		if e.Session.Holder != holderA || e.Session.Stamp != made.Stamp || !e.Session.OwnedAt.Equal(made.OwnedAt) || e.Partition != b.Partition(made.ID) {
			t.Errorf("told %+v of %+v", e, made)
		}
		if e.Lease == nil || e.Lease.Value != made.Lease() || e.Lease.Ends <= 0 || e.Lease.Ends > 30*time.Second {
			t.Errorf("lease %+v, want %s", e.Lease, made.Lease())
		}
		if len(e.Records) != 1+made.Copies || e.Colocated {
			t.Fatalf("%d records of %d, colocated %v", len(e.Records), 1+made.Copies, e.Colocated)
		}
		top, masters := b.client.Topology(), map[string]bool{}
		for i, site := range e.Records {
			want := session.Site{Role: session.RoleHome, Key: b.keys.Session(made.ID)}
			if i > 0 {
				want = session.Site{Role: session.RoleCopy, Key: b.keys.Copy(made.ID, b.ChainFor(made.ID)[i-1])}
			}
			if site.Role != want.Role || site.Key != want.Key || !site.Agrees || site.Stamp != made.Stamp || site.Unread != "" ||
				site.Slot != keyspace.Slot(want.Key) || site.Master != top.Masters[top.MasterOf(site.Slot)].Addr || !strings.HasPrefix(site.Master, site.Host+":") ||
				b.Now().Sub(site.WrittenAt).Abs() > time.Minute {
				t.Errorf("record %d: %+v", i, site)
			}
			masters[site.Master] = true
		}
		if len(masters) != len(e.Records) {
			t.Errorf("the records lie on %d masters", len(masters))
		}

		d.do(t, "DEL", b.keys.Lease(made.ID))
		if e := b.explained(t, made.ID); e.Lease != nil {
			t.Errorf("a lease that nobody has: %+v", e.Lease)
		}
		if _, err := b.Explain(ctx, b.NewID()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("of nothing: %v", err)
		}
		if _, err := b.Delete(ctx, made.ID, b.NewOp(), session.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Explain(ctx, made.ID); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("of what was deleted: %v", err)
		}
	})
}

// What is wrong with a session's records is told, and left as it is.
func TestExplainTellsWhatDiffers(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 4)
		d := damaged{bundle: b}
		chain := []int{2, 5}
		id := b.NewID().InPartition(1, 4)
		made := b.Create(ctx, Birth{ID: id, Draft: draft("one"), Owner: holderA, Chain: chain})[0]
		if made.Err != nil {
			t.Fatal(made.Err)
		}
		top := b.client.Topology()
		var masters []int
		for _, slot := range []int{b.keys.HomeSlot(1), b.keys.CopySlot(1, 2), b.keys.CopySlot(1, 5)} {
			masters = append(masters, top.MasterOf(slot))
		}
		slices.Sort(masters)
		if e := b.explained(t, id); e.Colocated != (len(slices.Compact(masters)) < 3) {
			t.Errorf("on %d masters, colocated is %v", len(slices.Compact(masters)), e.Colocated)
		}
		stands := func(e session.Explanation) (text string) {
			for _, site := range e.Records {
				text += string(site.Role)
				switch {
				case site.Unread != "":
					text += " unread: " + site.Unread
				case site.Stamp.IsZero():
					text += " absent"
				case !site.Agrees:
					text += " differs"
				}
				text += "; "
			}
			return text
		}
		expect := func(what, want string) {
			t.Helper()
			e := b.explained(t, id)
			if got := stands(e); got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
			if e.Session.Holder != holderA {
				t.Errorf("%s: held by %+v", what, e.Session.Holder)
			}
		}
		fields, err := b.client.Redis().HGetAll(ctx, b.keys.Session(id)).Result()
		if err != nil {
			t.Fatal(err)
		}
		expect("whole", "home; copy; copy; ")
		b.client.Redis().HSet(ctx, b.keys.Copy(id, 7), fields)
		expect("a stray", "home; copy; copy; stray; ")
		b.client.Redis().HSet(ctx, b.keys.Copy(id, 2), "version", "9")
		expect("a copy that is ahead", "home differs; copy; copy differs; stray differs; ")
		d.do(t, "DEL", b.keys.Copy(id, 2))
		expect("a lost copy", "home; copy absent; copy; stray; ")
		d.do(t, "DEL", b.keys.Session(id))
		expect("a lost home", "home absent; copy absent; copy; stray; ")
		d.do(t, "SET", b.keys.Copy(id, 2), "x")
		expect("a copy that is none", "home absent; copy unread: it is no hash; copy; stray; ")
		d.do(t, "DEL", b.keys.Copy(id, 5))
		d.do(t, "DEL", b.keys.Copy(id, 7))
		d.do(t, "SET", b.keys.Session(id), "x")
		var corrupt *session.CorruptError
		if _, err := b.Explain(ctx, id); !errors.As(err, &corrupt) || corrupt.Key != b.keys.Session(id) {
			t.Errorf("nothing to go by: %v", err)
		}
	})
}

// A preview is the session that a create makes, and is refused where a create is.
func TestPreview(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b := setup(t, r, 4)
		id := b.NewID()
		birth := Birth{ID: id, Draft: draft("one"), Owner: holderA, Chain: b.ChainFor(id)}
		birth.Draft.TTL = time.Hour
		would, err := b.Preview(birth)
		if err != nil || b.everywhere(t, id) != b.everywhere(t, b.NewID().InPartition(b.Partition(id), 4)) {
			t.Fatalf("%+v, %v", would, err)
		}
		is := b.Create(t.Context(), birth)[0].Session
		if would.ID != is.ID || would.Name != is.Name || would.Holder != is.Holder || would.Stamp.Epoch != is.Stamp.Epoch || would.Copies != is.Copies ||
			would.Status != is.Status || would.ExpiresAt.Sub(would.CreatedAt) != time.Hour {
			t.Errorf("would be %+v, is %+v", would, is)
		}
		birth.Draft.Labels = map[string]string{"a=b": "c"}
		_, err = b.Preview(birth)
		if made := b.Create(t.Context(), birth)[0]; err == nil || made.Err == nil || err.Error() != made.Err.Error() {
			t.Errorf("what cannot be stored: %v, and a create %v", err, made.Err)
		}
	})
}
