package sessionstore

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// After slots have moved so that home and copy share a master, the sync round moves the copy, and the masters themselves, when
// asked, hold the two apart.
func TestAuditMovesACopyOffHomesMaster(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t, redistest.Replicas(0))
	b := setup(t, c, 8)
	made := b.create(t, "one", holderA)
	p := b.Partition(made.ID)
	old := b.chainFor(p)[0]
	from, to := c.MasterOf(t, b.keys.CopySlot(p, old)), c.MasterOf(t, b.keys.HomeSlot(p))
	c.MigrateSlots(t, from, to, b.keys.CopySlot(p, old))
	if err := b.client.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := b.auditAll(t), (session.SyncReport{Records: 1, CopiesMoved: 1}); got != want {
		t.Fatalf("reported %+v, want %+v", got, want)
	}
	r := b.whole(t, made.ID, 1, 1)
	if slices.Equal(r.Chain, []int{old}) || !slices.Equal(r.From, []int{old}) {
		t.Fatalf("chain %v, from %v", r.Chain, r.From)
	}
	b.healthy(t, 1)
	homes, copies := holding(t, c, b.keys.Session(made.ID)), holding(t, c, b.keys.Copy(made.ID, r.Chain[0]))
	if len(homes) != 1 || len(copies) != 1 || homes[0] == copies[0] {
		t.Fatalf("home lies on %v, the copy on %v", homes, copies)
	}
}

// holding asks every master itself whether it holds a key.
func holding(t *testing.T, c *redistest.Cluster, key string) (nodes []string) {
	t.Helper()
	for _, n := range c.Nodes() {
		keys, _, err := n.Admin(t).Scan(t.Context(), 0, key, 100000).Result()
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) > 0 {
			nodes = append(nodes, n.Addr())
		}
	}
	return nodes
}

// A session made without copies gets one when the replication factor is raised, and more when it is raised again.
func TestAuditRaisesTheReplicationFactor(t *testing.T) {
	t.Parallel()
	r := redistest.Shared(t)
	b := setup(t, r, 8)
	one := b.dialed(t, r, redisx.Options{}, Config{ReplicationFactor: 1})
	made := one.create(t, "one", holderA)
	for factor, version := 2, uint64(1); factor <= 3; factor, version = factor+1, version+1 {
		more := b.dialed(t, r, redisx.Options{}, Config{ReplicationFactor: factor})
		if got, want := more.auditAll(t), (session.SyncReport{Records: 1, CopiesMoved: 1}); got != want {
			t.Fatalf("factor %d: reported %+v, want %+v", factor, got, want)
		}
		if rec := more.whole(t, made.ID, 1, version); len(rec.Chain) != factor-1 {
			t.Fatalf("factor %d: chain %v", factor, rec.Chain)
		}
		more.healthy(t, 1)
		if got, err := more.Get(t.Context(), made.ID, session.Linearizable); err != nil || got.Copies != factor-1 {
			t.Fatalf("factor %d: %v, %v", factor, got, err)
		}
	}
}

// short is a store whose tombstones are kept for that long only.
func short(t *testing.T, r redistest.Redis, retention time.Duration) bundle {
	b := setup(t, r, 4)
	b.retention = retention
	return b
}

// Tombstones stay for the retention and go after it, everywhere.
func TestTombstonesAreCollectedAfterTheRetention(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b := short(t, r, time.Hour)
		made := b.create(t, "one", holderA)
		if _, err := b.Delete(t.Context(), made.ID, b.NewOp(), session.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
		b.healthy(t, 0)
		b.whole(t, made.ID, 1, 1)
		b.retention = 0
		b.awaitReport(t, func(sum session.SyncReport) bool { return sum.TombstonesCollected == 1 })
		for _, tag := range append([]int{home}, allCopyTags...) {
			if s := b.take(t, made.ID, tag); s.stamp() != "-" || tag != home && len(s.zsets[b.keys.Copies(b.Partition(made.ID), tag)]) > 0 {
				t.Fatalf("place %d still holds %+v", tag, s)
			}
		}
		b.healthy(t, 0)
		if _, err := b.Get(t.Context(), made.ID, session.Linearizable); !errors.Is(err, session.ErrNotFound) {
			t.Fatal(err)
		}
	})
}

// awaitReport runs sync rounds until their sum is as wanted.
func (b bundle) awaitReport(t *testing.T, enough func(session.SyncReport) bool) {
	t.Helper()
	var sum session.SyncReport
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		got := b.auditAll(t)
		sum.TombstonesCollected += got.TombstonesCollected
		if enough(sum) {
			return
		}
	}
	t.Fatalf("after ten seconds of sync rounds: %+v", sum)
}

// A master of copies comes back empty: one sync round gives back what it held of deleted sessions, however many they are, and all of them go one
// retention later.
func TestTombstonesWhoseCopiesAreLost(t *testing.T) {
	t.Parallel()
	r := redistest.Shared(t)
	b, ctx := setup(t, r, 1), t.Context()
	births := make([]Birth, auditPage+10)
	for i := range births {
		births[i] = b.birth(0)
	}
	copies := births[0].Chain[0]
	lose := []string{b.keys.Copies(0, copies)}
	for i, res := range b.Create(ctx, births...) {
		if res.Err != nil {
			t.Fatal(res.Err)
		}
		if _, err := b.Delete(ctx, births[i].ID, b.NewOp(), session.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
		lose = append(lose, b.keys.Copy(births[i].ID, copies))
	}
	for _, key := range lose {
		if err := b.client.Redis().Del(ctx, key).Err(); err != nil {
			t.Fatal(err)
		}
	}
	b.retention = 0
	before := strconv.FormatInt(b.Now().UnixMilli(), 10)
	b.healthy(t, 0)
	for _, birth := range births {
		b.whole(t, birth.ID, 1, 1)
	}
	if n, err := b.client.Redis().ZCount(ctx, b.keys.Tombstones(0), "-inf", before).Result(); err != nil || n != 0 {
		t.Errorf("%d are due although their copies are new, %v", n, err)
	}
	if got := b.auditAll(t); got.TombstonesCollected != len(births) {
		t.Errorf("one retention later: %+v", got)
	}
}

// What a stranger listed among the tombstones is taken off, as what names no session; what cannot be read stays, and is counted. Neither holds
// up what is behind it.
func TestStrangersAmongTheTombstones(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b, ctx := short(t, r, 0), t.Context()
		made := b.create(t, "one", holderA)
		p := b.Partition(made.ID)
		key, unreadable := b.keys.Tombstones(p), b.NewID().InPartition(p, 4)
		strangers := []redis.Z{{Member: string(b.NewID().InPartition(p, 4))}, {Member: string(b.NewID().InPartition(p^1, 4))}, {Member: string(unreadable)}}
		for i := range auditPage {
			strangers = append(strangers, redis.Z{Score: 1, Member: strconv.Itoa(i)})
		}
		if err := b.client.Redis().ZAdd(ctx, key, strangers...).Err(); err != nil {
			t.Fatal(err)
		}
		b.plant(t, b.keys.Session(unreadable), []any{"SET", "x"})
		if _, err := b.Delete(ctx, made.ID, b.NewOp(), session.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
		want := session.SyncReport{IndexRepaired: auditPage + 2, TombstonesCollected: 1, Unreadable: 1}
		if got := b.auditAll(t); got != want {
			t.Errorf("reported %+v, want %+v", got, want)
		}
		if left, err := b.client.Redis().ZRange(ctx, key, 0, -1).Result(); err != nil || !slices.Equal(left, []string{string(unreadable)}) {
			t.Errorf("%d are left, %v", len(left), err)
		}
	})
}

// What a move leaves at the old place stays for the retention, and no tombstone is collected while an older record lies anywhere.
func TestWhatAMoveLeavesBehind(t *testing.T) {
	t.Parallel()
	r := redistest.Shared(t)
	b := short(t, r, time.Hour)
	d := damaged{bundle: b, made: b.create(t, "one", holderA)}
	old := d.chainFor(d.p())[0]
	l := &lossy{bundle: b, made: d.made}
	if moved, err := b.moveCopies(t.Context(), d.made.ID, l.other(t)); err != nil || !moved {
		t.Fatal(moved, err)
	}
	b.auditAll(t)
	if s := b.take(t, d.made.ID, old); s.stamp() == "-" {
		t.Fatal("the pointer is gone before its time")
	}
	d.remove(t)
	b.retention = 0
	b.awaitReport(t, func(sum session.SyncReport) bool { return sum.TombstonesCollected == 1 })
	for _, tag := range append([]int{home}, allCopyTags...) {
		if s := b.take(t, d.made.ID, tag); s.stamp() != "-" {
			t.Fatalf("place %d still holds %s", tag, s.stamp())
		}
	}
}

// A move back dies after it wrote over the pointer that the first move left; the session goes on elsewhere; home is set back to
// before both. Only what the unfinished move says of where it came from leads to the acknowledged changes.
func TestUnfinishedMoveStillLeadsBack(t *testing.T) {
	t.Parallel()
	b := setup(t, redistest.Shared(t), 8)
	d := damaged{bundle: b, made: b.create(t, "one", holderA)}
	first, before := d.chainFor(d.p()), b.take(t, d.made.ID, home)
	l := &lossy{bundle: b, made: d.made}
	if moved, err := b.moveCopies(t.Context(), d.made.ID, l.other(t)); err != nil || !moved {
		t.Fatal(moved, err)
	}
	base, err := b.readHome(t.Context(), b.placeOf(d.made.ID))
	if err != nil {
		t.Fatal(err)
	}
	at := look{}
	if err := b.read(t.Context(), b.placeOf(d.made.ID), at, first...); err != nil {
		t.Fatal(err)
	}
	next := base.moved(b.NewOp(), first)
	im, err := b.codec.image(next)
	if err != nil {
		t.Fatal(err)
	}
	writes, free := moveWrites(base, next, at)
	if !free {
		t.Fatal("the old place is not free")
	}
	st := newStep(b.placeOf(d.made.ID), session.WhyPatch, holderA.Node, im, writes[:1])
	if b.apply(t.Context(), st); st.outcome() != nil {
		t.Fatal(st.outcome())
	}
	d.update(t)
	d.update(t)
	d.back(t, home, before)
	if got, err := b.Get(t.Context(), d.made.ID, session.Linearizable); err != nil || got.Stamp.Version != 3 || got.Status != session.Idle {
		t.Fatalf("read %+v, %v: what was acknowledged is lost", got.Stamp, err)
	}
	b.auditAll(t)
	b.whole(t, d.made.ID, 1, 3)
	b.healthy(t, 1)
}
