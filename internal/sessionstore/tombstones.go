package sessionstore

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// tombstonesMost is how many tombstones of a partition one round looks at: a mass of them must not take the time of all else.
const tombstonesMost = 10 * auditPage

// tombstones looks at the partition's tombstones that are past their retention, the newest first: one that goes, or is due anew, shifts none
// that is still to be looked at, and one that stays keeps none from it. Where they are too many for one round the next ones go on, for those
// that were looked at are not due any more.
func (a *audit) tombstones(ctx context.Context) error {
	var due *redis.IntCmd
	before := strconv.FormatInt(millis(a.s.redis.Now().Add(-a.s.retention)), 10)
	err := a.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		due = pipe.ZCount(ctx, a.s.keys.Tombstones(a.partition), "-inf", before)
	})
	least := max(0, due.Val()-tombstonesMost)
	for end := due.Val(); err == nil && end > least; end -= auditPage {
		err = a.overdue(ctx, max(least, end-auditPage), end-1)
	}
	return err
}

// overdue collects the tombstones that are listed from the first to the last place.
func (a *audit) overdue(ctx context.Context, first, last int64) error {
	var page *redis.StringSliceCmd
	key := a.s.keys.Tombstones(a.partition)
	err := a.s.redis.Read(ctx, func(pipe redis.Pipeliner) { page = pipe.ZRange(ctx, key, first, last) })
	if err != nil {
		return err
	}
	for _, member := range page.Val() {
		id := session.ID(member)
		if !a.s.lies(id, a.partition) {
			a.report.IndexRepaired++
			a.s.strike(ctx, key, member)
			continue
		}
		collected, err := a.collect(ctx, id)
		if err = a.leave(ctx, id, err); err != nil {
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
// resolve, strays by writing the tombstone over them, so that their age counts anew, and with it when a round looks again. An entry of which no
// record exists goes by itself.
func (a *audit) collect(ctx context.Context, id session.ID) (bool, error) {
	s := a.s
	began, p, l := time.Now(), s.placeOf(id), look{}
	if err := s.read(ctx, p, l, append([]int{home}, allCopyTags...)...); err != nil {
		return false, err
	}
	w := l[home]
	if !w.head.Tombstone || !l.agrees(w.head.Chain) {
		f, _, err := s.settleChain(ctx, p, allCopyTags)
		switch {
		case err != nil:
			return false, err
		case f.absent():
			return false, a.dangling(ctx, id, nil)
		}
		s.postpone(ctx, id)
		return false, nil
	}
	if buried, err := s.bury(ctx, p, l); err != nil || buried {
		s.postpone(ctx, id)
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

// postpone has a tombstone that was just written over other records be due when they are past the retention. Where that cannot be
// noted, the next round looks at it again, and nothing else is lost.
func (s *Store) postpone(ctx context.Context, id session.ID) {
	now := redis.Z{Score: float64(millis(s.redis.Now())), Member: string(id)}
	_ = s.redis.Redis().ZAddXX(ctx, s.keys.Tombstones(s.keys.Partition(id)), now).Err()
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
