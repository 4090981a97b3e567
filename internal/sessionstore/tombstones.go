package sessionstore

import (
	"context"
	"errors"
	"slices"
	"time"

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
		if err = a.leave(ctx, session.ID(id), err); err != nil {
			return err
		}
		if collected {
			a.report.TombstonesCollected++
		}
	}
	return nil
}

// collect removes a deleted session's records if home and every copy tag hold that same tombstone, or nothing, and each had been past
// the retention by its own server's clock when it was read. What differs is first brought in line: records that home leads to by a
// resolve, strays by writing the tombstone over them, so that their age counts anew. A later round goes on.
func (s *Store) collect(ctx context.Context, id session.ID) (bool, error) {
	began, p, l := time.Now(), s.placeOf(id), look{}
	if err := s.read(ctx, p, l, append([]int{home}, allCopyTags...)...); err != nil {
		return false, err
	}
	w := l[home]
	if !w.head.Tombstone || !l.agrees(w.head.Chain) {
		_, _, err := s.settleChain(ctx, p, allCopyTags)
		return false, err
	}
	if buried, err := s.bury(ctx, p, l); err != nil || buried {
		return false, err
	}
	for _, tag := range append(slices.Clone(allCopyTags), home) {
		if l[tag].absent() {
			continue
		}
		if gone, err := s.drop(ctx, p, l[tag], s.retention+time.Since(began)); err != nil || !gone {
			return false, err
		}
	}
	return true, nil
}

// agrees reports whether the places of a chain hold what home does.
func (l look) agrees(chain []int) bool {
	return !slices.ContainsFunc(chain, func(tag int) bool { return l[tag].head.Stamp != l[home].head.Stamp })
}

// bury writes home's tombstone over every stray; false means that there was none.
func (s *Store) bury(ctx context.Context, p place, l look) (bool, error) {
	var writes []write
	for _, tag := range allCopyTags {
		if f := l[tag]; !f.absent() && f.head.Stamp != l[home].head.Stamp {
			writes = append(writes, write{tag, f.head.Stamp})
		}
	}
	if len(writes) == 0 {
		return false, nil
	}
	st := newStep(p, session.WhyRepair, "", l[home].image(), writes)
	st.must = true
	for _, w := range writes {
		st.attachAt(w.tag, l[w.tag].dropping())
	}
	s.apply(ctx, st)
	if err := st.outcome(); err != nil && !errors.Is(err, errRefused) {
		return true, err
	}
	return true, nil
}
