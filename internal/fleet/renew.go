package fleet

import (
	"context"
	"maps"
	"slices"

	"orchestrator/internal/lease"
	"orchestrator/internal/session"
)

const (
	// renewPage is how many leases of a partition one call renews.
	renewPage = 500
	// renewTogether is how many partitions are asked in one go.
	renewTogether = 16
)

// renew gives the leases of all sessions that home lists as this node's their time to live again. The home records are the truth: a lease
// that had run out is written again, a session that has another owner by now is not renewed. A node that is not trusted renews nothing.
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
	for some := range slices.Chunk(slices.Sorted(maps.Keys(counts)), renewTogether) {
		held += s.renewPartitions(ctx, some, self, &errs)
	}
	s.held.Store(int64(held))
	s.metrics.held.Set(float64(held))
	return errs.joined()
}

// renewPartitions walks what the node owns in some partitions, a page of each at a time, and returns how many leases it renewed.
func (s *Service) renewPartitions(ctx context.Context, partitions []int, self session.Holder, errs *failures) (held int) {
	after := map[int]session.ID{}
	for _, p := range partitions {
		after[p] = ""
	}
	for len(after) > 0 && ctx.Err() == nil {
		pages, err := s.Store.OwnedPages(ctx, self.Node, after, renewPage)
		errs.add(err)
		var ids []session.ID
		for p := range after {
			page := pages[p] // nothing where its master did not answer
			for _, id := range page {
				if _, err := session.ParseID(string(id)); err == nil && s.Store.Partition(id) == p { // else a stranger put it there
					ids = append(ids, id)
				}
			}
			if len(page) == renewPage {
				after[p] = page[len(page)-1]
			} else {
				delete(after, p)
			}
		}
		n, others, err := s.Leases.Extend(ctx, self, ids)
		errs.add(err)
		held += n + s.renewOthers(ctx, others, self, errs)
	}
	return held
}

// renewOthers has the records decide about leases that could not merely be extended, and returns how many it renewed.
func (s *Service) renewOthers(ctx context.Context, ids []session.ID, self session.Holder, errs *failures) (held int) {
	byPartition := map[int][]lease.Renewal{}
	for _, id := range ids {
		p := s.Store.Partition(id)
		byPartition[p] = append(byPartition[p], lease.Renewal{ID: id})
	}
	for p, renewals := range byPartition {
		outcomes, err := s.Leases.Renew(ctx, p, self, renewals)
		for _, o := range outcomes {
			if o.Renewed {
				held++
			}
		}
		if err != nil && decided(err) {
			s.Log.Warn("leases of sessions that cannot be read are not renewed", "partition", p, "error", err)
			continue
		}
		errs.add(err)
	}
	return held
}
