package sessionstore

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// tombstones collects the partition's tombstones that are past their retention, a page of them.
func (a *audit) tombstones(ctx context.Context) error {
	var cmd *redis.StringSliceCmd
	before := millis(a.s.redis.Now().Add(-a.s.retention))
	err := a.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		cmd = pipe.ZRangeArgs(ctx, redis.ZRangeArgs{Key: a.s.keys.Tombstones(a.partition), Start: "-inf", Stop: before, ByScore: true, Count: auditPage})
	})
	if err != nil {
		return err
	}
	for _, id := range cmd.Val() {
		collected, err := a.s.collect(ctx, session.ID(id))
		if err != nil {
			return err
		}
		if collected {
			a.report.TombstonesCollected++
		}
	}
	return nil
}

// collect removes a deleted session's records if home and every copy tag hold that same tombstone, or nothing, and each is past
// the retention by its own server's clock. Anything else is first brought into order and left for a later round.
func (s *Store) collect(ctx context.Context, id session.ID) (bool, error) {
	p, l := s.placeOf(id), look{}
	if err := s.read(ctx, p, l, append([]int{home}, allCopyTags...)...); err != nil {
		return false, err
	}
	w := l[home]
	for _, tag := range append(allCopyTags, home) {
		f := l[tag]
		if f.absent() && !slices.Contains(w.head.Chain, tag) && tag != home {
			continue
		}
		if f.head.Stamp != w.head.Stamp || !f.head.Tombstone {
			return false, s.straighten(ctx, p, l, f)
		}
	}
	for _, tag := range append(allCopyTags, home) {
		if l[tag].absent() {
			continue
		}
		if gone, err := s.drop(ctx, p, l[tag], s.retention); err != nil || !gone {
			return false, err
		}
	}
	return true, nil
}

// straighten resolves a session whose records differ; a stray that the resolve leaves alone, because nothing points to it, is dropped.
func (s *Store) straighten(ctx context.Context, p place, l look, f found) error {
	r, _, err := s.settleChain(ctx, p, l[home].head.Chain)
	if err != nil || f.tag == home || slices.Contains(r.head.Chain, f.tag) || r.absent() {
		if errors.Is(err, errRefused) {
			return nil
		}
		return err
	}
	_, err = s.drop(ctx, p, f, s.retention)
	return err
}
