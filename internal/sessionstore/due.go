package sessionstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// due walks the expiry and looks at what the index does not list: the pages of the index have not led to it. An entry that shifts to
// another page meanwhile is met in the next round.
func (a *audit) due(ctx context.Context) error {
	for start := int64(0); ; start += auditPage {
		var page *redis.StringSliceCmd
		err := a.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
			page = pipe.ZRange(ctx, a.s.keys.Expiry(a.partition), start, start+auditPage-1)
		})
		if err != nil {
			return err
		}
		if err := a.unindexed(ctx, page.Val()); err != nil || len(page.Val()) < auditPage {
			return err
		}
	}
}

// unindexed sets those entries of the expiry right that the index does not list.
func (a *audit) unindexed(ctx context.Context, members []string) error {
	scores := make([]*redis.FloatCmd, len(members))
	err := a.s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for i, member := range members {
			scores[i] = pipe.ZScore(ctx, a.s.keys.Index(a.partition), member)
		}
	})
	if err != nil {
		return err
	}
	for i, member := range members {
		id := session.ID(member)
		switch {
		case scores[i].Err() != redis.Nil:
		case !a.s.lies(id, a.partition):
			a.report.IndexRepaired++
			a.s.strike(ctx, a.s.keys.Expiry(a.partition), member)
		default:
			if err := a.leave(ctx, id, a.expiring(ctx, id)); err != nil {
				return err
			}
		}
	}
	return nil
}

// expiring sets the entries of one session right that the expiry lists and the index does not.
func (a *audit) expiring(ctx context.Context, id session.ID) error {
	if err := a.estrange(ctx, id, ""); err != nil { // where no record is, this removes all that names it
		return err
	}
	return a.relist(ctx, id)
}
