package sessionstore

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// owners walks sets of owners, removes ids whose record names another owner, or none, and lists those that the index lacks.
func (a *audit) owners(ctx context.Context, of []session.NodeID) error {
	for _, owner := range of {
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
			if err := a.leave(ctx, id, a.estrange(ctx, id, owner)); err != nil {
				return err
			}
		}
	}
	return nil
}

// estrange removes a session from the set of a node that does not own it, unless home has lost it: then its copies know who does.
func (a *audit) estrange(ctx context.Context, id session.ID, owner session.NodeID) error {
	if lost, err := a.lost(ctx, id); err != nil || lost {
		return err
	}
	return a.disown(ctx, id, owner)
}

// lost reports whether home lacks a session that its copies hold. A comparison will restore it, and its entries with it.
func (a *audit) lost(ctx context.Context, id session.ID) (bool, error) {
	l := look{}
	if err := a.s.read(ctx, a.s.placeOf(id), l, append([]int{home}, allCopyTags...)...); err != nil {
		return false, err
	}
	_, somewhere := winner(l, allCopyTags)
	return somewhere && l[home].absent(), nil
}

// disown removes a session from the set of a node that does not own it.
func (a *audit) disown(ctx context.Context, id session.ID, owner session.NodeID) error {
	removed, err := a.s.prune(ctx, id, owner)
	a.report.IndexRepaired += min(removed, 1)
	return err
}

// holding returns the nodes that are listed as owners, and those of the fleet's that have a set of their own without being listed.
func (a *audit) holding(ctx context.Context) ([]session.NodeID, error) {
	owners, err := a.s.Owners(ctx, a.partition)
	if err != nil {
		return nil, err
	}
	cards := map[session.NodeID]*redis.IntCmd{}
	err = a.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for _, node := range a.nodes {
			if !slices.Contains(owners, node) {
				cards[node] = pipe.ZCard(ctx, a.s.keys.Owned(a.partition, node))
			}
		}
	})
	for node, cmd := range cards {
		if cmd.Val() > 0 {
			owners = append(owners, node)
		}
	}
	return owners, err
}
