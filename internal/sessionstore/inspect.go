package sessionstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// Seat is where a session's records should lie, as home's own says.
type Seat struct {
	ID     session.ID
	Owner  session.NodeID
	Copies int
	Apart  bool   // home and the copies lie on different masters, and are as many as there can be
	Absent bool   // the index lists the session, and home has no record of it
	Unread string // why home's record cannot be read; empty: it can
}

// Inspect tells visit of every session of a partition that home's index lists. It reads home alone, never a body, and mends nothing. Sessions
// that come or go meanwhile may be told or not. It returns a *session.UnavailableError where home's master does not answer.
func (s *Store) Inspect(ctx context.Context, partition int, visit func(Seat)) error {
	w := &byPartition{s: s, at: cursor{partition: partition}}
	for w.at.partition == partition {
		ids, _, err := w.next(ctx, scan{step: listMost, window: 1})
		if err != nil {
			return err
		}
		cmds := make([]*redis.SliceCmd, len(ids))
		err = s.redis.Read(ctx, func(pipe redis.Pipeliner) {
			for i, id := range ids {
				cmds[i] = pipe.HMGet(ctx, s.keys.Session(id), siteFields...)
			}
		})
		if err != nil {
			return err
		}
		for i, id := range ids {
			if f, why := readSite(home, cmds[i]); !f.head.Tombstone {
				chain := f.head.Chain
				visit(Seat{id, session.NodeID(f.fields[fieldOwner]), len(chain), s.apart(partition, chain), why == "" && f.absent(), why})
			}
		}
	}
	return nil
}
