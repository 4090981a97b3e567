package sessionstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// OwnedPages returns, for each partition named in after, up to limit ids that home says a node owns there, in id order, from after's id
// on (empty: from the first), what strangers put there included. Partitions whose master did not answer are missing from the result; the error is about them alone.
func (s *Store) OwnedPages(ctx context.Context, node session.NodeID, after map[int]session.ID, limit int) (map[int][]session.ID, error) {
	cmds := map[int]*redis.StringSliceCmd{}
	err := s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for p, id := range after {
			from := "-"
			if id != "" {
				from = "(" + string(id)
			}
			cmds[p] = pipe.ZRangeArgs(ctx, redis.ZRangeArgs{Key: s.keys.Owned(p, node), Start: from, Stop: "+", ByLex: true, Count: int64(limit)})
		}
	})
	pages := map[int][]session.ID{}
	for p, cmd := range cmds {
		if cmd.Err() != nil {
			continue
		}
		pages[p] = make([]session.ID, len(cmd.Val()))
		for i, id := range cmd.Val() {
			pages[p][i] = session.ID(id)
		}
	}
	return pages, err
}
