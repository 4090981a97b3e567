package fleet

import (
	"context"

	"orchestrator/internal/session"
)

// expirePage is how many sessions of a partition one round ends at the most.
const expirePage = 100

// expireDue ends the sessions in this node's share of the partitions whose time to live has ended. One that cannot be ended, because it
// cannot be read or reached, does not keep the others alive.
func (s *Service) expireDue(ctx context.Context) error {
	var errs failures
	ids, err := s.Store.Due(ctx, s.share(s.Members.View()), expirePage)
	errs.add(err)
	errs.add(s.sweep(ctx, ids, map[int]bool{}, func(ctx context.Context, id session.ID) error {
		ended, err := s.expire(ctx, id)
		switch {
		case ended:
			s.metrics.expired.Inc()
		case err != nil && !decided(err):
			return err
		case err != nil:
			s.Log.Warn("a session whose time has ended cannot be ended", "session", id, "error", err)
		}
		return nil
	}))
	return errs.joined()
}
