package sessionstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/session"
)

// auditPage is how many sessions the audit compares in one flush.
const auditPage = 200

// Audit compares all records of a partition's sessions and mends what differs: copies that are missing, older or on home's
// master, homes that are gone or behind, index entries and owners' sets that disagree with the records, tombstones past their
// retention. It calls visit with every live session's identity, owner, stamp and end of life. What it mended is in the report.
//
// nodes are the fleet's: their sets are looked at though the partition does not list them as owners. A session whose records were
// written a moment ago may be in the middle of a change; it is its writer's to finish, and is compared in a later round. Only sessions that a
// glance does not find in order are compared record by record.
func (s *Store) Audit(ctx context.Context, partition int, nodes []session.NodeID, visit func(session.Session)) (session.SyncReport, error) {
	a := &audit{s: s, partition: partition, nodes: nodes, visit: visit, counted: map[session.NodeID]int{}, lists: map[string][]int{}}
	err := a.walk(ctx)
	return a.report, err
}

func (a *audit) walk(ctx context.Context) (err error) {
	if a.holders, err = a.holding(ctx); err != nil {
		return err
	}
	for done := false; !done; {
		page, err := a.nextPage(ctx)
		if err != nil {
			return err
		}
		done = page.last
		closer, err := a.glance(ctx, page)
		if err != nil {
			return err
		}
		if err := a.comparePage(ctx, closer); err != nil {
			return err
		}
	}
	holders, expiry, err := a.uncounted(ctx)
	if err != nil {
		return err
	}
	if err := a.owners(ctx, holders); err != nil {
		return err
	}
	if expiry {
		if err := a.due(ctx); err != nil {
			return err
		}
	}
	return a.tombstones(ctx)
}

// audit is one partition's walk.
type audit struct {
	s         *Store
	partition int
	nodes     []session.NodeID
	visit     func(session.Session)
	holders   []session.NodeID       // whose sets the partition has
	counted   map[session.NodeID]int // sessions that glances found in order, by owner
	mortal    int                    // and those of them whose life ends
	lists     map[string][]int       // of copy tags, as they were read
	blind     bool                   // a place did not answer a glance: what follows is compared
	after     session.ID
	began     time.Time              // before the page was read
	looked    time.Time              // the same by the servers' clocks
	entries   map[session.ID]entries // of the page
	torn      map[session.ID]bool    // of the page: what lies beside a record is not what home's record says
	report    session.SyncReport
}

// page is a run of ids in order, with the tags whose indexes list each of them.
type page struct {
	ids    []session.ID
	listed map[session.ID][]int
	last   bool
}

// nextPage merges the next ids of home's index and of all copy indexes: a session that any of them lists is looked at.
func (a *audit) nextPage(ctx context.Context) (page, error) {
	from := "-"
	if a.after != "" {
		from = "(" + string(a.after)
	}
	cmds := make([]*redis.StringSliceCmd, 1+keyspace.CopyTags)
	err := a.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for tag := range cmds {
			cmds[tag] = pipe.ZRangeArgs(ctx, redis.ZRangeArgs{Key: a.indexKey(tag), Start: from, Stop: "+", ByLex: true, Count: auditPage})
		}
	})
	if err != nil {
		return page{}, err
	}
	pg := page{listed: map[session.ID][]int{}, last: true}
	bound := ""
	for _, cmd := range cmds {
		if ids := cmd.Val(); len(ids) == auditPage && (pg.last || ids[auditPage-1] < bound) {
			bound, pg.last = ids[auditPage-1], false
		}
	}
	for tag, cmd := range cmds {
		for _, id := range cmd.Val() {
			if pg.last || id <= bound {
				if !a.s.lies(session.ID(id), a.partition) {
					a.report.IndexRepaired++
					a.s.strike(ctx, a.indexKey(tag), id)
					continue
				}
				pg.listed[session.ID(id)] = append(pg.listed[session.ID(id)], tag)
			}
		}
	}
	a.after = session.ID(bound)
	pg.ids = slices.Sorted(maps.Keys(pg.listed))
	return pg, nil
}

func (a *audit) indexKey(tag int) string {
	if tag == home {
		return a.s.keys.Index(a.partition)
	}
	return a.s.keys.Copies(a.partition, tag)
}

// auditFields is what a comparison reads of a record.
var auditFields = append(slices.Clone(headFields), fieldOwner, fieldIncarnation, fieldExpiresAt, fieldMessages, fieldContext)

// comparePage reads the heads of all records of a page's sessions and looks closer at those that are not in order.
func (a *audit) comparePage(ctx context.Context, pg page) error {
	if len(pg.ids) == 0 {
		return nil
	}
	a.began, a.looked = time.Now(), a.s.redis.Now()
	heads := map[session.ID]map[int]*redis.SliceCmd{}
	err := a.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for _, id := range pg.ids {
			heads[id] = map[int]*redis.SliceCmd{}
			for _, tag := range append([]int{home}, pg.listed[id]...) {
				heads[id][tag] = pipe.HMGet(ctx, a.s.placeOf(id).key(tag), auditFields...)
			}
		}
	})
	if err != nil {
		return err
	}
	homes := map[session.ID]map[string]string{}
	for _, id := range pg.ids {
		if f := auditNamed(heads[id][home].Val()); len(f) > 0 {
			homes[id] = f
		}
	}
	if a.entries, err = a.s.readEntries(ctx, a.partition, homes); err != nil {
		return err
	}
	if a.torn, err = a.s.tornOf(ctx, homes); err != nil {
		return err
	}
	for _, id := range pg.ids {
		if err := a.leave(ctx, id, a.compare(ctx, id, pg.listed[id], heads[id])); err != nil {
			return err
		}
	}
	return nil
}

// leave counts a session whose keys cannot be read and lets the audit go on; it returns errors after which it cannot.
func (a *audit) leave(ctx context.Context, id session.ID, err error) error {
	if err == nil || unreachable(err) || ctx.Err() != nil {
		return err
	}
	a.report.Unreadable++
	a.s.log.Warn("left a session's records alone", "session", id, "error", err)
	return nil
}

// compare looks at one session: are its records equal, on different masters, and listed where they should be?
func (a *audit) compare(ctx context.Context, id session.ID, listed []int, cmds map[int]*redis.SliceCmd) error {
	p, l := a.s.placeOf(id), look{}
	for tag, cmd := range cmds {
		values, err := cmd.Result()
		if err != nil {
			return &session.CorruptError{Key: p.key(tag), Reason: "it is no hash"}
		}
		f := auditNamed(values)
		h, err := decodeHead(f)
		if err != nil {
			return &session.CorruptError{Key: p.key(tag), Reason: err.Error()}
		}
		l[tag] = found{tag, h, f}
	}
	atHome := l[home]
	if !a.inOrder(l, listed) || a.torn[id] {
		if a.underWay(l) {
			return nil
		}
		var repaired []int
		var err error
		if atHome, repaired, err = a.s.settleChain(ctx, p, allCopyTags); err != nil {
			return err
		}
		countRepairs(&a.report, repaired)
	}
	if atHome.absent() {
		return a.dangling(ctx, id, listed)
	}
	if err := a.listings(ctx, id, atHome, listed); err != nil {
		return err
	}
	if atHome.head.Tombstone {
		return nil
	}
	a.report.Records++
	a.visit(seen(id, atHome))
	return a.placement(ctx, id, atHome.head.Chain)
}

// inOrder reports whether home and its whole chain hold the same stamp, and whatever else there is was left behind on their way.
func (a *audit) inOrder(l look, listed []int) bool {
	h := l[home].head
	if h.Stamp.IsZero() {
		return false
	}
	for _, tag := range h.Chain {
		if l[tag].head.Stamp != h.Stamp {
			return false
		}
	}
	for _, tag := range listed {
		f := l[tag].head
		if !slices.Contains(h.Chain, tag) && tag != home && f.Stamp != h.Stamp && (f.Stamp.Rank() >= h.Stamp.Rank() || !slices.Equal(f.Chain, h.Chain)) {
			return false
		}
	}
	return true
}

// underWay reports whether one of the records was written so short a time ago that its writer may not be done.
func (a *audit) underWay(l look) bool {
	for _, f := range l {
		if age := a.looked.Sub(f.head.WrittenAt).Abs(); age < a.s.takes {
			return true
		}
	}
	return false
}

func countRepairs(report *session.SyncReport, tags []int) {
	for _, tag := range tags {
		if tag == home {
			report.HomesRestored++
		} else {
			report.CopiesRepaired++
		}
	}
}

// placement moves the copies of a session that shares a master with home.
func (a *audit) placement(ctx context.Context, id session.ID, chain []int) error {
	if a.s.apart(a.partition, chain) {
		return nil
	}
	target := a.s.chainFor(a.partition)
	if !a.s.apart(a.partition, target) {
		a.report.SharedMaster++
		return nil
	}
	moved, err := a.s.moveCopies(ctx, id, target)
	if isRefusal(err) {
		a.report.SharedMaster++
		return nil
	}
	if moved {
		a.report.CopiesMoved++
	}
	return err
}

// seen is what visit is told of a session.
func seen(id session.ID, f found) session.Session {
	im := f.image()
	return session.Session{ID: id, Stamp: im.stamp, Holder: im.holder, ExpiresAt: im.expires}
}

func auditNamed(values []any) map[string]string {
	f := map[string]string{}
	for i, v := range values {
		if text, ok := v.(string); ok {
			f[auditFields[i]] = text
		}
	}
	return f
}
