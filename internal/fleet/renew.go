package fleet

import (
	"context"

	"orchestrator/internal/lease"
	"orchestrator/internal/session"
)

// renewPage is how many leases one call renews.
const renewPage = 500

// renew writes the leases of all sessions that home says this incarnation owns. The home records are the truth: a lease that had
// run out is written again, a session that has another owner by now is not renewed. A node that is not trusted renews nothing.
func (s *Service) renew(ctx context.Context) error {
	if !s.Members.Trusted() {
		s.held.Store(0)
		return nil
	}
	self := s.Members.Self().Holder
	counts, err := s.Store.OwnedIn(ctx, self.Node)
	var errs failures // one master that does not answer keeps no lease elsewhere from being renewed
	errs.add(err)
	held := 0
	for partition := range counts {
		n, err := s.renewPartition(ctx, partition, self)
		held += n
		errs.add(err)
	}
	s.held.Store(int64(held))
	s.metrics.held.Set(float64(held))
	return errs.joined()
}

func (s *Service) renewPartition(ctx context.Context, partition int, self session.Holder) (held int, err error) {
	for after := session.ID(""); ; {
		ids, next, err := s.Store.Owned(ctx, partition, self.Node, after, renewPage)
		if err != nil {
			return held, err
		}
		renewals := make([]lease.Renewal, len(ids))
		for i, id := range ids {
			renewals[i].ID = id
		}
		outcomes, err := s.Leases.Renew(ctx, partition, self, renewals)
		for _, o := range outcomes {
			if o.Renewed {
				held++
			}
		}
		if err != nil && !decided(err) {
			return held, err
		}
		if err != nil {
			s.Log.Warn("leases of sessions that cannot be read are not renewed", "partition", partition, "error", err)
		}
		if next == "" {
			return held, nil
		}
		after = next
	}
}
