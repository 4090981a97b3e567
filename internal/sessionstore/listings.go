package sessionstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// listings makes the index, the owner's set and the copies' indexes agree with a session's records.
func (a *audit) listings(ctx context.Context, id session.ID, atHome found, listed []int) error {
	for _, tag := range listed {
		if tag != home && !slices.Contains(atHome.head.Chain, tag) {
			if err := a.offChain(ctx, id, tag); err != nil {
				return err
			}
		}
	}
	unlisted := slices.DeleteFunc(slices.Clone(atHome.head.Chain), func(tag int) bool { return slices.Contains(listed, tag) })
	if len(unlisted) > 0 {
		if err := a.relistCopies(ctx, id, atHome, unlisted); err != nil {
			return err
		}
	}
	if e, ok := a.entries[id]; ok && e.follow(atHome) {
		return nil
	}
	return a.relist(ctx, id)
}

// relist derives a session's entries from its home record again, unless they have become right since they were looked at.
func (a *audit) relist(ctx context.Context, id session.ID) error {
	p, l := a.s.placeOf(id), look{}
	if err := a.s.read(ctx, p, l, home); err != nil || l[home].absent() {
		return err
	}
	f := l[home]
	now, err := a.s.readEntries(ctx, a.partition, map[session.ID]map[string]string{id: f.fields})
	if err != nil || now[id].follow(f) {
		return err
	}
	st := newStep(p, session.WhyRepair, session.NodeID(f.fields[fieldOwner]), f.image(), []write{{home, f.head.Stamp}})
	st.must = true
	a.s.apply(ctx, st)
	return a.mended(st.outcome())
}

// offChain drops a record at a place that the session's chain no longer names, once nothing can lead back to it.
func (a *audit) offChain(ctx context.Context, id session.ID, tag int) error {
	l := look{}
	p := a.s.placeOf(id)
	if err := a.s.read(ctx, p, l, tag); err != nil {
		return err
	}
	gone, err := a.s.drop(ctx, p, l[tag], a.s.retention+time.Since(a.began))
	if gone && l[tag].absent() { // an entry without a record
		a.report.IndexRepaired++
	}
	return err
}

// dangling removes the entries of a session that no record exists of; listed are the tags whose indexes name it.
func (a *audit) dangling(ctx context.Context, id session.ID, listed []int) error {
	owners, err := a.s.Owners(ctx, a.partition)
	if err != nil {
		return err
	}
	removed := 0
	for _, owner := range append(owners, "") {
		n, err := a.s.prune(ctx, id, owner)
		if err != nil {
			return err
		}
		removed += n
	}
	for _, tag := range listed {
		if tag == home {
			continue
		}
		gone, err := a.s.drop(ctx, a.s.placeOf(id), found{tag: tag}, 0)
		if err != nil {
			return err
		}
		if gone {
			removed++
		}
	}
	a.report.IndexRepaired += min(removed, 1)
	return nil
}

// relistCopies lists the copies of a session that their tags' indexes lack, so that they lead to it should home be lost.
func (a *audit) relistCopies(ctx context.Context, id session.ID, f found, tags []int) error {
	scores := make([]*redis.FloatCmd, len(tags))
	err := a.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for i, tag := range tags {
			scores[i] = pipe.ZScore(ctx, a.indexKey(tag), string(id))
		}
	})
	if err != nil {
		return err
	}
	var writes []write
	for i, tag := range tags {
		if scores[i].Err() == redis.Nil {
			writes = append(writes, write{tag, f.head.Stamp})
		}
	}
	if len(writes) == 0 {
		return nil
	}
	st := newStep(a.s.placeOf(id), session.WhyRepair, "", f.image(), writes)
	st.must = true
	a.s.apply(ctx, st)
	return a.mended(st.outcome())
}

// mended counts entries that were set right, and forgives a refusal: another change came between, and wrote its own.
func (a *audit) mended(err error) error {
	if errors.Is(err, errRefused) {
		return nil
	}
	if err == nil {
		a.report.IndexRepaired++
	}
	return err
}

// prune removes the entries of a session that home does not hold, and takes it off the set of a node that does not own it. It returns
// how many entries there were.
func (s *Store) prune(ctx context.Context, id session.ID, owner session.NodeID) (int, error) {
	k, p := s.keys, s.keys.Partition(id)
	keys := []string{k.Index(p), k.Expiry(p), k.Tombstones(p), k.Owners(p), k.Session(id), k.Owned(p, owner)}
	keys = append(keys, s.placeOf(id).beside(home)...)
	reply, err := s.redis.Run(ctx, pruneScript, keys, string(id), string(owner))
	n, _ := reply.(int64)
	if err == nil && n < 0 {
		return 0, strangeKey(keys, n)
	}
	return int(n), err
}

// drop removes the record f if it is still that one and older than age by its server's clock.
func (s *Store) drop(ctx context.Context, p place, f found, age time.Duration) (bool, error) {
	index := s.keys.Tombstones(p.partition)
	if f.tag != home {
		index = s.keys.Copies(p.partition, f.tag)
	}
	keys := append([]string{p.key(f.tag), index}, p.beside(f.tag)...)
	reply, err := s.redis.Run(ctx, dropScript, keys, f.head.Stamp.String(), age.Milliseconds(), string(p.session))
	n, _ := reply.(int64)
	if err == nil && code(n) < foreign {
		err = strangeKey(keys, n)
	}
	return err == nil && code(n) == done, err
}
