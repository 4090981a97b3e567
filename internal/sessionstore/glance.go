package sessionstore

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// glance looks at the records of a page as their servers sum them up, visits the sessions that are in order, as nearly all are, and returns the
// others, which are to be compared record by record. What a glance finds in order, a comparison would leave alone.
func (a *audit) glance(ctx context.Context, pg page) (others page, err error) {
	if a.blind {
		return pg, nil
	}
	a.looked = a.s.redis.Now()
	lines, err := a.lines(ctx, pg)
	if err != nil {
		return page{}, err
	}
	others = page{listed: pg.listed}
	orderly := make([]glimpse, 0, len(pg.ids))
	beside := map[session.ID]map[string]string{}
	var at [1 + keyspace.CopyTags]int
	for _, id := range pg.ids {
		var of [1 + keyspace.CopyTags]string
		for _, tag := range places(pg.listed[id]) {
			if at[tag] < len(lines[tag]) {
				of[tag] = lines[tag][at[tag]]
			}
			at[tag]++
		}
		g, ok := a.glimpse(id, pg.listed[id], &of)
		switch {
		case !ok:
			others.ids = append(others.ids, id)
			continue
		case g.tombstone:
			continue
		}
		orderly = append(orderly, g)
		if g.messages != "" || g.context != "" {
			beside[id] = map[string]string{fieldChain: g.chainText, fieldMessages: g.messages, fieldContext: g.context}
		}
	}
	torn, err := a.s.tornOf(ctx, beside)
	if err != nil {
		return page{}, err
	}
	for _, g := range orderly {
		if torn[g.ID] {
			others.ids = append(others.ids, g.ID)
			continue
		}
		if err := a.orderly(ctx, g); err != nil {
			return page{}, err
		}
	}
	return others, nil
}

// orderly takes a session whose records are in order.
func (a *audit) orderly(ctx context.Context, g glimpse) error {
	a.counted[g.Owner()]++
	if !g.ExpiresAt.IsZero() {
		a.mortal++
	}
	a.report.Records++
	a.visit(g.Session)
	return a.leave(ctx, g.ID, a.placement(ctx, g.ID, g.chain))
}

// glimpse is what a glance shows of a session that is in order.
type glimpse struct {
	session.Session   // as seen tells of it
	chain             []int
	chainText         string
	messages, context string
	tombstone         bool // nothing else is known
}

// How many parts the lines have: home's of a session and of a tombstone, and a copy's.
const homeParts, tombstoneParts, copyParts = 9, 3, 4

// glimpse reads a session's lines, by tag; listed are the tags that list it, in order. False: it must be looked at closer.
func (a *audit) glimpse(id session.ID, listed []int, of *[1 + keyspace.CopyTags]string) (glimpse, bool) {
	part := strings.Split(of[home], "|")
	if indexed := listed[0] == home; len(part) != homeParts && len(part) != tombstoneParts || indexed != (len(part) == homeParts) {
		return glimpse{}, false
	}
	stamp, err := session.ParseStamp(part[0])
	if err != nil || stamp.IsZero() || stamp.String() != part[0] {
		return glimpse{}, false
	}
	chain, readable := a.tags(part[1])
	if _, also := a.tags(part[2]); !readable || !also {
		return glimpse{}, false
	}
	if !a.alike(strings.Join(part[:tombstoneParts], "|"), stamp, chain, listed, of) {
		return glimpse{}, false
	}
	if len(part) == tombstoneParts {
		return glimpse{tombstone: true}, true
	}
	g := glimpse{
		Session: session.Session{ID: id, Stamp: stamp, Holder: session.Holder{Node: session.NodeID(part[3]), Incarnation: part[4]}},
		chain:   chain, chainText: part[1], messages: part[6], context: part[7],
	}
	g.ExpiresAt, readable = ends(part[5], part[8])
	return g, readable
}

// alike reports whether the chain's places are listed and hold what home does, and whatever else is listed was left behind on their way not long
// ago: it is not due to be dropped.
func (a *audit) alike(want string, stamp session.Stamp, chain, listed []int, of *[1 + keyspace.CopyTags]string) bool {
	for _, tag := range chain {
		if !slices.Contains(listed, tag) || !strings.HasPrefix(of[tag], want+"|") {
			return false
		}
	}
	for _, tag := range listed {
		if tag != home && !slices.Contains(chain, tag) && !a.leftBehind(of[tag], want, stamp) {
			return false
		}
	}
	return true
}

// leftBehind reports whether a record that the chain does not name leads to it, and is to stay.
func (a *audit) leftBehind(line, want string, stamp session.Stamp) bool {
	part, head := strings.Split(line, "|"), strings.Split(want, "|")
	if len(part) != copyParts || part[1] != head[1] {
		return false
	}
	former, err := session.ParseStamp(part[0])
	_, readable := a.tags(part[2])
	written, wrong := strconv.ParseInt(part[3], 10, 64)
	return err == nil && readable && wrong == nil && (former.Rank() < stamp.Rank() || former == stamp) && former.String() == part[0] &&
		a.looked.Sub(time.UnixMilli(written)) < a.s.retention
}

// places are where the lines of a session come from that these tags list: home is asked in any case.
func places(listed []int) []int {
	if listed[0] == home {
		return listed
	}
	return append([]int{home}, listed...)
}

// ends reads the end of a life as the record says it. False: the expiry says another.
func ends(record, expiry string) (time.Time, bool) {
	if record == "" {
		return time.Time{}, expiry == ""
	}
	t, err := time.Parse(time.RFC3339, record)
	if err != nil || t.IsZero() {
		return time.Time{}, false
	}
	score, err := strconv.ParseFloat(expiry, 64)
	return t.UTC(), err == nil && int64(score) == t.UnixMilli()
}

// tags reads a list of copy tags, which are few in a partition and the same again and again.
func (a *audit) tags(text string) ([]int, bool) {
	if tags, read := a.lists[text]; read {
		return tags, true
	}
	tags, err := parseTags(text)
	if err != nil {
		return nil, false
	}
	a.lists[text] = tags
	return tags, true
}

// lines asks home for the lines of all records, and each other place for those of the records that it lists, in the page's order. A place that does not
// answer says nothing, and is not asked again.
func (a *audit) lines(ctx context.Context, pg page) ([1 + keyspace.CopyTags][]string, error) {
	var keys [1 + keyspace.CopyTags][]string
	for _, id := range pg.ids {
		p := a.s.placeOf(id)
		for _, tag := range places(pg.listed[id]) {
			keys[tag] = append(keys[tag], p.key(tag))
		}
	}
	var lines [1 + keyspace.CopyTags][]string
	var calls [1 + keyspace.CopyTags]*redisx.Call
	var all []*redisx.Call
	for tag := range keys {
		if len(keys[tag]) > 0 {
			calls[tag] = &redisx.Call{Script: glanceScript, Keys: keys[tag], Args: []any{len(keys[tag]), len(keys[tag][0]) - len(pg.ids[0]) + 1}}
			all = append(all, calls[tag])
		}
	}
	if c := calls[home]; c != nil {
		k := a.s.keys
		c.Keys = append(c.Keys, k.Expiry(a.partition), k.Tombstones(a.partition), k.Owners(a.partition))
		for _, owner := range a.holders {
			c.Keys, c.Args = append(c.Keys, k.Owned(a.partition, owner)), append(c.Args, string(owner))
		}
	}
	limited, cancel := context.WithTimeout(ctx, glanceLimit)
	defer cancel()
	a.s.redis.RunAll(limited, all...)
	for tag, c := range calls {
		if c == nil {
			continue
		}
		if c.Err != nil {
			a.blind = true
			continue
		}
		reply, _ := c.Reply.([]any)
		for _, line := range reply {
			text, _ := line.(string)
			lines[tag] = append(lines[tag], text)
		}
	}
	return lines, ctx.Err()
}

// glanceLimit is how long a glance may take. A slot that is on its way to another master refuses scripts of several keys: the comparison, which
// asks for each key by itself, is not to wait for that.
const glanceLimit = time.Second

// uncounted returns those of the partition's holders whose sets hold another number of sessions than glances found there, and whether the
// expiry does: where it is the same number, nothing is listed that should not be.
func (a *audit) uncounted(ctx context.Context) (holders []session.NodeID, expiry bool, err error) {
	owned, due := make([]*redis.IntCmd, len(a.holders)), (*redis.IntCmd)(nil)
	err = a.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		due = pipe.ZCard(ctx, a.s.keys.Expiry(a.partition))
		for i, node := range a.holders {
			owned[i] = pipe.ZCard(ctx, a.s.keys.Owned(a.partition, node))
		}
	})
	if err != nil {
		return nil, false, err
	}
	for i, node := range a.holders {
		if owned[i].Err() != nil || int(owned[i].Val()) != a.counted[node] {
			holders = append(holders, node)
		}
	}
	return holders, due.Err() != nil || int(due.Val()) != a.mortal, nil
}
