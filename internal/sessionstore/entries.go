package sessionstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// entries is what home keeps of one session beside its record: where the session is listed.
type entries struct {
	index, expiry, tombstones, owned *redis.FloatCmd
	owners                           *redis.BoolCmd
}

// readEntries reads the entries of sessions of one partition; records are the fields of their home records.
func (s *Store) readEntries(ctx context.Context, partition int, records map[session.ID]map[string]string) (map[session.ID]entries, error) {
	all := make(map[session.ID]entries, len(records))
	err := s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for id, f := range records {
			owner := session.NodeID(f[fieldOwner])
			all[id] = entries{
				index:      pipe.ZScore(ctx, s.keys.Index(partition), string(id)),
				expiry:     pipe.ZScore(ctx, s.keys.Expiry(partition), string(id)),
				tombstones: pipe.ZScore(ctx, s.keys.Tombstones(partition), string(id)),
				owned:      pipe.ZScore(ctx, s.keys.Owned(partition, owner), string(id)),
				owners:     pipe.SIsMember(ctx, s.keys.Owners(partition), string(owner)),
			}
		}
	})
	return all, err
}

// follow reports whether the entries are what home's script derives from the record. Another owner's set is not looked at.
func (e entries) follow(f found) bool {
	in := func(cmd *redis.FloatCmd) bool { return cmd.Err() == nil }
	if f.head.Tombstone {
		return in(e.tombstones) && !in(e.index) && !in(e.expiry)
	}
	expires := f.image().expires
	due := in(e.expiry) == !expires.IsZero() && (expires.IsZero() || int64(e.expiry.Val()) == expires.UnixMilli())
	return in(e.index) && in(e.owned) && e.owners.Val() && due && !in(e.tombstones)
}
