package fleet

import "context"

// expirePage is how many sessions of a partition one round ends at the most.
const expirePage = 100

// expireDue ends the sessions in this node's share of the partitions whose time to live has ended.
func (s *Service) expireDue(ctx context.Context) error {
	ids, err := s.Store.Due(ctx, s.share(s.Members.View()), expirePage)
	if err != nil {
		return err
	}
	for _, id := range ids {
		ended, err := s.expire(ctx, id)
		if err != nil {
			return err
		}
		if ended {
			s.metrics.expired.Inc()
		}
	}
	return nil
}
