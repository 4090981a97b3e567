package sessionstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// Owned returns up to limit ids that home says a node owns in a partition, in id order, from after on (empty: from the first), and where
// to go on; an empty next is the end.
func (s *Store) Owned(ctx context.Context, partition int, node session.NodeID, after session.ID, limit int) (ids []session.ID, next session.ID, err error) {
	pages, err := s.OwnedPages(ctx, node, map[int]session.ID{partition: after}, limit)
	if err != nil {
		return nil, "", err
	}
	page := pages[partition]
	if len(page) == limit {
		next = page[limit-1]
	}
	for _, id := range page {
		if s.lies(id, partition) {
			ids = append(ids, id)
		}
	}
	return ids, next, nil
}

// OwnedIn returns in which partitions a node owns sessions, and how many in each. Partitions whose master did not answer are missing;
// the error is about them alone.
func (s *Store) OwnedIn(ctx context.Context, node session.NodeID) (map[int]int, error) {
	cmds := make([]*redis.IntCmd, s.keys.Partitions())
	err := s.countOwned(ctx, node, cmds)
	counts := map[int]int{}
	for p, cmd := range cmds {
		if n := int(cmd.Val()); n > 0 {
			counts[p] = n
		}
	}
	return counts, err
}

// Count returns how many sessions a node owns. Each partition is read at one moment, the partitions one after the other.
func (s *Store) Count(ctx context.Context, node session.NodeID) (int, error) {
	cmds := make([]*redis.IntCmd, s.keys.Partitions())
	if err := s.countOwned(ctx, node, cmds); err != nil {
		return 0, err
	}
	total := 0
	for p, cmd := range cmds {
		if cmd.Err() != nil {
			return 0, &session.CorruptError{Key: s.keys.Owned(p, node), Reason: "it is no sorted set"}
		}
		total += int(cmd.Val())
	}
	return total, nil
}

// countOwned asks how many sessions a node owns in each partition.
func (s *Store) countOwned(ctx context.Context, node session.NodeID, cmds []*redis.IntCmd) error {
	return s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for p := range cmds {
			cmds[p] = pipe.ZCard(ctx, s.keys.Owned(p, node))
		}
	})
}

// Sessions returns the home records of ids, those that exist, in order.
func (s *Store) Sessions(ctx context.Context, ids []session.ID) ([]session.Session, error) {
	records, err := s.homes(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]session.Session, 0, len(records))
	for _, r := range records {
		if r.exists() {
			out = append(out, r.Session)
		}
	}
	return out, nil
}

// Owners returns the nodes that own, or are listed as owning, sessions of a partition.
func (s *Store) Owners(ctx context.Context, partition int) ([]session.NodeID, error) {
	var cmd *redis.StringSliceCmd
	err := s.redis.Read(ctx, func(pipe redis.Pipeliner) { cmd = pipe.SMembers(ctx, s.keys.Owners(partition)) })
	if err != nil {
		return nil, err
	}
	nodes := make([]session.NodeID, len(cmd.Val()))
	for i, node := range cmd.Val() {
		nodes[i] = session.NodeID(node)
	}
	return nodes, nil
}

// Due returns sessions of the partitions whose time to live has ended, soonest first, up to limit of each.
func (s *Store) Due(ctx context.Context, partitions []int, limit int) ([]session.ID, error) {
	now := millis(s.redis.Now())
	return s.flush(ctx, partitions, func(pipe redis.Pipeliner, p int) *redis.StringSliceCmd {
		return pipe.ZRangeArgs(ctx, redis.ZRangeArgs{Key: s.keys.Expiry(p), Start: "-inf", Stop: now, ByScore: true, Count: int64(limit)})
	})
}

// flush sends one command for each partition in one pipeline and returns the ids they answer; an error is about those that did not.
func (s *Store) flush(ctx context.Context, partitions []int, cmd func(redis.Pipeliner, int) *redis.StringSliceCmd) ([]session.ID, error) {
	cmds := make([]*redis.StringSliceCmd, len(partitions))
	err := s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for i, p := range partitions {
			cmds[i] = cmd(pipe, p)
		}
	})
	var ids []session.ID
	for i, c := range cmds {
		for _, id := range c.Val() {
			if s.lies(session.ID(id), partitions[i]) {
				ids = append(ids, session.ID(id))
			}
		}
	}
	return ids, err
}

// lies reports whether id is a session's and lies in the partition. What is neither was put there by a stranger.
func (s *Store) lies(id session.ID, partition int) bool {
	_, err := session.ParseID(string(id))
	return err == nil && s.keys.Partition(id) == partition
}

// strike takes a stranger's member off a sorted set.
func (s *Store) strike(ctx context.Context, key, member string) {
	if err := s.redis.Redis().ZRem(ctx, key, member).Err(); err == nil {
		s.log.Warn("took a member that is no session of the partition off a sorted set", "key", key, "member", member)
	}
}

// Partition returns the partition of a session.
func (s *Store) Partition(id session.ID) int { return s.keys.Partition(id) }

// Partitions returns how many partitions the fleet has.
func (s *Store) Partitions() int { return s.keys.Partitions() }

// Now returns Redis's time as far as this process can tell.
func (s *Store) Now() time.Time { return s.redis.Now() }
