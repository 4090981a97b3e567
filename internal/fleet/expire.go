package fleet

import (
	"context"
	"errors"
)

// expirePage is how many sessions of a partition one round ends at the most.
const expirePage = 100

// expireDue ends the sessions in this node's share of the partitions whose time to live has ended. One that cannot be ended, because it
// cannot be read, does not keep the others alive.
func (s *Service) expireDue(ctx context.Context) error {
	ids, failed := s.Store.Due(ctx, s.share(s.Members.View()), expirePage)
	for _, id := range ids {
		ended, err := s.expire(ctx, id)
		switch {
		case ended:
			s.metrics.expired.Inc()
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && decided(err):
			s.Log.Warn("a session whose time has ended cannot be ended", "session", id, "error", err)
		case err != nil:
			failed = errors.Join(failed, err)
		}
	}
	return failed
}
