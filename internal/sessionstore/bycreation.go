package sessionstore

import (
	"context"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// byCreation walks all partitions at once, in the order of ids: a merge of their sets, of each of which it reads a bite when what it has of it
// runs out.
type byCreation struct {
	s       *Store
	sources []*source
	down    bool // the newest first
	bite    int  // members read of a set at once
	at      cursor
	ready   []member // that come next, in order
	last    session.ID
}

// source is one set of a partition and what was read of it and not yet passed on.
type source struct {
	key       string
	partition int
	after     string   // how far it was read; empty: not at all
	ahead     []string // in order
	done      bool     // there is no more of it
}

// member is a member of a partition's set.
type member struct {
	id        session.ID
	partition int
}

// Of each set at least leastBite members are read at once, so that where sessions lie unevenly few sets are read again, and no more than makes
// mostAhead over all of them.
const (
	leastBite = 4
	mostAhead = listScanned
)

func newByCreation(s *Store, want session.Listing, at cursor) *byCreation {
	w := &byCreation{s: s, down: want.Order == session.NewestFirst, at: at}
	for p := range s.keys.Partitions() {
		for _, key := range s.listKeys(p, want.Owners) {
			w.sources = append(w.sources, &source{key: key, partition: p, after: string(at.after)})
		}
	}
	w.bite = min(leastBite+2*want.Limit/len(w.sources), listMost)
	return w
}

func (w *byCreation) next(ctx context.Context, sc scan) (ids []session.ID, at cursor, err error) {
	for len(w.ready) == 0 {
		if !slices.ContainsFunc(w.sources, func(s *source) bool { return !s.done || len(s.ahead) > 0 }) {
			return nil, cursor{partition: w.s.keys.Partitions()}, nil
		}
		if err := w.read(ctx); err != nil {
			return nil, w.at, err
		}
		w.sort()
	}
	n := min(len(w.ready), sc.step)
	for _, m := range w.ready[:n] {
		w.at = cursor{after: m.id}
		if m.id != w.last && w.s.lies(m.id, m.partition) { // it comes twice where it was given to another of the owners meanwhile
			ids, w.last = append(ids, m.id), m.id
		}
	}
	w.ready = w.ready[n:]
	return ids, w.at, nil
}

// read takes another bite of each set of which little is left, all in one flush.
func (w *byCreation) read(ctx context.Context) error {
	var hungry []*source
	for _, src := range w.sources {
		if !src.done && len(src.ahead) <= w.bite/2 {
			hungry = append(hungry, src)
		}
	}
	cmds := make([]*redis.StringSliceCmd, len(hungry))
	err := w.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for i, src := range hungry {
			cmds[i] = pipe.ZRangeArgs(ctx, w.page(src))
		}
	})
	if err != nil {
		return err
	}
	for i, src := range hungry {
		got := cmds[i].Val()
		if src.done = len(got) < w.bite; len(got) > 0 {
			src.after, src.ahead = got[len(got)-1], append(src.ahead, got...)
		}
	}
	w.bite = min(2*w.bite, max(leastBite, mostAhead/len(w.sources)), listMost)
	return nil
}

// page is the command for a set's next bite.
func (w *byCreation) page(src *source) redis.ZRangeArgs {
	args := redis.ZRangeArgs{Key: src.key, Start: "-", Stop: "+", ByLex: true, Rev: w.down, Count: int64(w.bite)}
	if w.down {
		args.Start, args.Stop = "+", "-"
	}
	if src.after != "" {
		args.Start = "(" + src.after
	}
	return args
}

// sort makes those members ready that nothing unread can come before.
func (w *byCreation) sort() {
	end, open := "", false
	for _, src := range w.sources {
		if last := len(src.ahead) - 1; !src.done && (!open || w.compare(src.ahead[last], end) < 0) {
			end, open = src.ahead[last], true
		}
	}
	for _, src := range w.sources {
		known := len(src.ahead)
		if open {
			known, _ = slices.BinarySearchFunc(src.ahead, end, w.compare)
			if known < len(src.ahead) && src.ahead[known] == end {
				known++
			}
		}
		for _, id := range src.ahead[:known] {
			w.ready = append(w.ready, member{session.ID(id), src.partition})
		}
		src.ahead = src.ahead[known:]
	}
	slices.SortFunc(w.ready, func(a, b member) int { return w.compare(string(a.id), string(b.id)) })
}

func (w *byCreation) compare(a, b string) int {
	if w.down {
		a, b = b, a
	}
	return strings.Compare(a, b)
}
