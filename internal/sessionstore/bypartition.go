package sessionstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// byPartition walks one partition after the other.
type byPartition struct {
	s      *Store
	at     cursor
	owners []session.NodeID
}

func (w *byPartition) next(ctx context.Context, sc scan) (ids []session.ID, at cursor, err error) {
	pages, err := w.read(ctx, sc)
	if err != nil {
		return nil, w.at, err
	}
	defer func() { w.at = at }()
	for i, page := range pages {
		partition, last := w.at.partition+i, session.ID("")
		if i == 0 {
			last = w.at.after
		}
		members, more := merged(page, sc.step)
		for _, member := range members {
			if len(ids) == sc.step {
				return ids, cursor{partition, last}, nil
			}
			if last = session.ID(member); w.s.lies(last, partition) {
				ids = append(ids, last)
			}
		}
		if more {
			return ids, cursor{partition, last}, nil
		}
	}
	return ids, cursor{partition: w.at.partition + len(pages)}, nil
}

// read returns a page of each set of the partitions that come next.
func (w *byPartition) read(ctx context.Context, sc scan) ([][][]string, error) {
	window := max(1, sc.window/len(w.s.listKeys(0, w.owners)))
	end := min(w.at.partition+window, w.s.keys.Partitions())
	cmds := make([][]*redis.StringSliceCmd, 0, window)
	err := w.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		cmds = cmds[:0]
		for p := w.at.partition; p < end; p++ {
			from := "-"
			if p == w.at.partition && w.at.after != "" {
				from = "(" + string(w.at.after)
			}
			var of []*redis.StringSliceCmd
			for _, key := range w.s.listKeys(p, w.owners) {
				of = append(of, pipe.ZRangeArgs(ctx, redis.ZRangeArgs{Key: key, Start: from, Stop: "+", ByLex: true, Count: int64(sc.step)}))
			}
			cmds = append(cmds, of)
		}
	})
	if err != nil {
		return nil, err
	}
	pages := make([][][]string, len(cmds))
	for i, of := range cmds {
		for _, cmd := range of {
			pages[i] = append(pages[i], cmd.Val())
		}
	}
	return pages, nil
}
