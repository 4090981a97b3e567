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
	if atHome.head.Tombstone || a.listed[id] && slices.Contains(listed, home) {
		return nil
	}
	return a.relist(ctx, id)
}

// readListed notes which of the page's sessions are in the set of the owner that their home record names.
func (a *audit) readListed(ctx context.Context, owners map[session.ID]session.NodeID) error {
	cmds := map[session.ID]*redis.FloatCmd{}
	err := a.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for id, owner := range owners {
			cmds[id] = pipe.ZScore(ctx, a.s.keys.Owned(a.partition, owner), string(id))
		}
	})
	a.listed = map[session.ID]bool{}
	for id, cmd := range cmds {
		a.listed[id] = cmd.Err() == nil
	}
	return err
}

// relist derives a session's entries from its home record again, unless they have become right since they were looked at.
func (a *audit) relist(ctx context.Context, id session.ID) error {
	p, l := a.s.placeOf(id), look{}
	if err := a.s.read(ctx, p, l, home); err != nil || l[home].absent() || l[home].head.Tombstone {
		return err
	}
	f := l[home]
	owner := session.NodeID(f.fields[fieldOwner])
	var inIndex, inOwned *redis.FloatCmd
	err := a.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		inIndex = pipe.ZScore(ctx, a.s.keys.Index(a.partition), string(id))
		inOwned = pipe.ZScore(ctx, a.s.keys.Owned(a.partition, owner), string(id))
	})
	if err != nil || inIndex.Err() == nil && inOwned.Err() == nil {
		return err
	}
	st := newStep(p, owner, f.image(), []write{{home, f.head.Stamp}})
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
	_, err := a.s.drop(ctx, p, l[tag], a.s.retention)
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
		if err := a.prune(ctx, id, owner); err != nil {
			return err
		}
	}
	a.report.IndexRepaired++
	return nil
}

func (a *audit) prune(ctx context.Context, id session.ID, owner session.NodeID) error {
	k, p := a.s.keys, a.partition
	_, err := a.s.redis.Run(ctx, pruneScript,
		[]string{k.Index(p), k.Expiry(p), k.Tombstones(p), k.Owners(p), k.Session(id), k.Owned(p, owner)}, string(id), string(owner))
	return err
}

// owners walks the owners' sets and removes ids whose record names another owner, or none.
func (a *audit) owners(ctx context.Context) error {
	owners, err := a.s.Owners(ctx, a.partition)
	if err != nil {
		return err
	}
	for _, owner := range owners {
		for after, more := session.ID(""), true; more; {
			ids, err := a.s.Owned(ctx, a.partition, owner, after, auditPage)
			if err != nil {
				return err
			}
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

func (a *audit) strangers(ctx context.Context, owner session.NodeID, ids []session.ID) error {
	cmds := make([]*redis.StringCmd, len(ids))
	err := a.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for i, id := range ids {
			cmds[i] = pipe.HGet(ctx, a.s.keys.Session(id), fieldOwner)
		}
	})
	if err != nil {
		return err
	}
	for i, id := range ids {
		if cmds[i].Val() == string(owner) || cmds[i].Err() != nil && cmds[i].Err() != redis.Nil {
			continue
		}
		if err := a.prune(ctx, id, owner); err != nil {
			return err
		}
		a.report.IndexRepaired++
	}
	return nil
}

// drop removes the record f if it is still that one and older than age by its server's clock.
func (s *Store) drop(ctx context.Context, p place, f found, age time.Duration) (bool, error) {
	index := s.keys.Tombstones(p.partition)
	if f.tag != home {
		index = s.keys.Copies(p.partition, f.tag)
	}
	reply, err := s.redis.Run(ctx, dropScript, []string{p.key(f.tag), index}, f.head.Stamp.String(), age.Milliseconds(), string(p.session))
	n, _ := reply.(int64)
	return err == nil && code(n) == done, err
}
