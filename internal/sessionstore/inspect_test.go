package sessionstore

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// sources are the scripts as servers know them.
var sources = []string{casSource, commitSource, dropSource, pruneSource, casAttachSource, commitAttachSource, findSource}

// loadScripts makes every master know every script, so that no call is refused as unknown.
func loadScripts(tb testing.TB, c redis.UniversalClient, scripts ...string) {
	tb.Helper()
	load := func(ctx context.Context, c *redis.Client) error {
		for _, source := range scripts {
			if err := c.ScriptLoad(ctx, source).Err(); err != nil {
				return err
			}
		}
		return nil
	}
	var err error
	if cluster, ok := c.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(tb.Context(), load)
	} else {
		err = load(tb.Context(), c.(*redis.Client))
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// dialed opens another client and a store over the same keys.
func (b bundle) dialed(tb testing.TB, r redistest.Redis, o redisx.Options, cfg Config) bundle {
	tb.Helper()
	o.Seeds = r.Addrs()
	c, err := redisx.Open(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return open(tb, c, b.keys, cfg)
}

// take reads what a place holds of a session.
func (b bundle) take(tb testing.TB, id session.ID, tag int) still {
	tb.Helper()
	s, err := sceneOf(b.keys, id, tag, []session.Holder{holderA, holderB}).take(tb.Context(), b.client.Redis())
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// whole fails the test unless home, its chain and home's entries agree with each other and with the stamp (epoch, version).
// It returns home's record, tombstones included.
func (b bundle) whole(tb testing.TB, id session.ID, epoch, version uint64) Record {
	tb.Helper()
	atHome := b.take(tb, id, home)
	r, err := decode(id, atHome.record)
	if err != nil || r.Stamp.Epoch != epoch || r.Stamp.Version != version {
		tb.Fatalf("home is at %s %v, want %d.%d", atHome.stamp(), err, epoch, version)
	}
	if wrong := atHome.derived(b.keys, id); wrong != "" {
		tb.Fatal(wrong)
	}
	if wrong := atHome.besides(home); wrong != "" {
		tb.Fatal(wrong)
	}
	for _, tag := range r.Chain {
		c := b.take(tb, id, tag)
		if c.content() != atHome.content() {
			tb.Fatalf("copy %d differs from home:\n%s\n%s", tag, c.content(), atHome.content())
		}
		if c.lying() != atHome.lying() {
			tb.Fatalf("copy %d has beside it\n%s\nhome has\n%s", tag, c.lying(), atHome.lying())
		}
		if wrong := c.besides(tag); wrong != "" {
			tb.Fatalf("copy %d: %s", tag, wrong)
		}
		if listed := c.zsets[b.keys.Copies(b.keys.Partition(id), tag)]; len(listed) == 0 {
			tb.Fatalf("copy %d is not listed", tag)
		}
	}
	return r
}

// auditAll runs a sync round over all partitions and adds up its reports.
func (b bundle) auditAll(tb testing.TB) session.SyncReport {
	tb.Helper()
	var sum session.SyncReport
	for p := range b.Partitions() {
		r, err := b.Audit(tb.Context(), p, []session.NodeID{holderA.Node, holderB.Node}, func(session.Session) {})
		if err != nil {
			tb.Fatalf("audit of partition %d: %v", p, err)
		}
		sum.Records += r.Records
		sum.CopiesRepaired += r.CopiesRepaired
		sum.HomesRestored += r.HomesRestored
		sum.CopiesMoved += r.CopiesMoved
		sum.IndexRepaired += r.IndexRepaired
		sum.TombstonesCollected += r.TombstonesCollected
		sum.Unreadable += r.Unreadable
		sum.SharedMaster += r.SharedMaster
	}
	return sum
}

// healthy fails the test unless a sync round finds that many sessions and nothing to mend.
func (b bundle) healthy(tb testing.TB, records int) {
	tb.Helper()
	if got, want := b.auditAll(tb), (session.SyncReport{Records: records}); got != want {
		tb.Fatalf("a sync round of a healthy store reports %+v", got)
	}
}
