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
	st := newStep(p, session.NodeID(f.fields[fieldOwner]), f.image(), []write{{home, f.head.Stamp}})
	st.must = true
	a.s.apply(ctx, st)
	if err := st.outcome(); err != nil {
		if errors.Is(err, errRefused) {
			return nil
		}
		return err
	}
	a.report.IndexRepaired++
	return nil
}

// offChain drops a record at a place that the session's chain no longer names, once nothing can lead back to it.
func (a *audit) offChain(ctx context.Context, id session.ID, tag int) error {
	l := look{}
	p := a.s.placeOf(id)
	if err := a.s.read(ctx, p, l, tag); err != nil {
		return err
	}
	_, err := a.s.drop(ctx, p, l[tag], a.s.retention+time.Since(a.began))
	return err
}

// dangling removes the entries of a session that no record exists of.
func (a *audit) dangling(ctx context.Context, id session.ID) error {
	owners, err := a.s.Owners(ctx, a.partition)
	if err != nil {
		return err
	}
	if len(owners) == 0 {
		owners = []session.NodeID{""}
	}
	for _, owner := range owners {
		if err := a.s.prune(ctx, id, owner); err != nil {
			return err
		}
	}
	a.report.IndexRepaired++
	return nil
}

// prune removes the entries of a session that home does not hold, and takes it off the set of a node that does not own it.
func (s *Store) prune(ctx context.Context, id session.ID, owner session.NodeID) error {
	k, p := s.keys, s.keys.Partition(id)
	keys := []string{k.Index(p), k.Expiry(p), k.Tombstones(p), k.Owners(p), k.Session(id), k.Owned(p, owner)}
	reply, err := s.redis.Run(ctx, pruneScript, keys, string(id), string(owner))
	if n, _ := reply.(int64); err == nil && n < 0 {
		return strangeKey(keys, n)
	}
	return err
}

// owners walks the owners' sets, removes ids whose record names another owner, or none, and lists those that the index lacks.
func (a *audit) owners(ctx context.Context) error {
	owners, err := a.s.Owners(ctx, a.partition)
	if err != nil {
		return err
	}
	for _, owner := range owners {
		for after, more := session.ID(""), true; more; {
			pages, err := a.s.OwnedPages(ctx, owner, map[int]session.ID{a.partition: after}, auditPage)
			if err != nil {
				return err
			}
			ids := pages[a.partition]
			if err := a.strangers(ctx, owner, ids); err != nil {
				return err
			}
			if more = len(ids) == auditPage; more {
				after = ids[auditPage-1]
			}
		}
	}
	return nil
}

func (a *audit) strangers(ctx context.Context, owner session.NodeID, listed []session.ID) error {
	ids := make([]session.ID, 0, len(listed))
	for _, id := range listed {
		if a.s.lies(id, a.partition) {
			ids = append(ids, id)
			continue
		}
		a.report.IndexRepaired++
		a.s.strike(ctx, a.s.keys.Owned(a.partition, owner), string(id))
	}
	cmds, indexed := make([]*redis.StringCmd, len(ids)), make([]*redis.FloatCmd, len(ids))
	err := a.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for i, id := range ids {
			cmds[i] = pipe.HGet(ctx, a.s.keys.Session(id), fieldOwner)
			indexed[i] = pipe.ZScore(ctx, a.s.keys.Index(a.partition), string(id))
		}
	})
	if err != nil {
		return err
	}
	for i, id := range ids {
		switch err := cmds[i].Err(); {
		case cmds[i].Val() == string(owner) && indexed[i].Err() == redis.Nil:
			if err := a.leave(ctx, id, a.relist(ctx, id)); err != nil {
				return err
			}
		case cmds[i].Val() == string(owner), err != nil && err != redis.Nil:
		default:
			if err := a.leave(ctx, id, a.disown(ctx, id, owner)); err != nil {
				return err
			}
		}
	}
	return nil
}

// disown removes a session from the set of a node that does not own it.
func (a *audit) disown(ctx context.Context, id session.ID, owner session.NodeID) error {
	err := a.s.prune(ctx, id, owner)
	if err == nil {
		a.report.IndexRepaired++
	}
	return err
}

// drop removes the record f if it is still that one and older than age by its server's clock.
func (s *Store) drop(ctx context.Context, p place, f found, age time.Duration) (bool, error) {
	index := s.keys.Tombstones(p.partition)
	if f.tag != home {
		index = s.keys.Copies(p.partition, f.tag)
	}
	keys := []string{p.key(f.tag), index}
	reply, err := s.redis.Run(ctx, dropScript, keys, f.head.Stamp.String(), age.Milliseconds(), string(p.session))
	n, _ := reply.(int64)
	if err == nil && code(n) < foreign {
		err = strangeKey(keys, n)
	}
	return err == nil && code(n) == done, err
}
