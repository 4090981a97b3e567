package fleet

import (
	"context"
	"errors"

	"orchestrator/internal/balancer"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
)

// correctCounts sets the live counts right of those nodes that fall to this one, and returns how many were wrong.
func (s *Service) correctCounts(ctx context.Context, view registry.View) (corrected int, err error) {
	counts, err := s.Accounts.Counts(ctx)
	if err != nil {
		return 0, err
	}
	dead, err := s.Undertaker.Dead(ctx)
	if err != nil {
		return 0, err
	}
	self := s.Members.Self().Holder
	var errs []error
	for node := range counts {
		if !mine(self, view, "count of "+string(node)) {
			continue
		}
		_, registered := view.Node(node)
		var changed bool
		switch {
		case registered:
			changed, err = s.correctCount(ctx, node)
		case !named(dead, node):
			changed, err = s.Accounts.Forget(ctx, node)
		}
		if changed {
			corrected++
		}
		errs = append(errs, err)
	}
	return corrected, errors.Join(errs...)
}

func named(holders []session.Holder, node session.NodeID) bool {
	for _, h := range holders {
		if h.Node == node {
			return true
		}
	}
	return false
}

// correctCount sets one node's count to what the records say: the sessions it owns, and one for each that is under way to it or about
// to leave it. Sessions under way are left out of what is counted in the records, for they may be there already or not. Nothing is
// written if the account moved meanwhile.
func (s *Service) correctCount(ctx context.Context, node session.NodeID) (bool, error) {
	snap, err := s.Accounts.Snapshot(ctx, node)
	if err != nil {
		return false, err
	}
	if settled, err := s.settleExpired(ctx, node, snap.Reservations); err != nil || settled || snap.Truncated {
		return false, err
	}
	underWay, extra := underWay(snap.Reservations)
	owned, err := s.Store.Count(ctx, node, underWay...)
	if err != nil || owned+extra == snap.Load {
		return false, err
	}
	changed, err := s.Accounts.Correct(ctx, node, snap.Moves, owned+extra)
	if changed {
		s.Log.Info("set a node's live count right", "node", node, "from", snap.Load, "to", owned+extra)
	}
	return changed, err
}

// underWay returns the sessions of reservations and how much they add to the count: one for each that arrives, and one for each
// session that leaves and does not also arrive.
func underWay(reservations []balancer.Reservation) (ids []session.ID, extra int) {
	arriving, leaving := map[session.ID]int{}, map[session.ID]bool{}
	for _, r := range reservations {
		ids = append(ids, r.Session)
		if r.Leaving {
			leaving[r.Session] = true
		} else {
			arriving[r.Session]++
			extra++
		}
	}
	for id := range leaving {
		if arriving[id] == 0 {
			extra++
		}
	}
	return ids, extra
}

// settleExpired settles reservations past their deadline by what the records say: nothing in flight can still change the session under
// them. The read is linearizable, so that it finishes or rules out what a crash left half done.
func (s *Service) settleExpired(ctx context.Context, node session.NodeID, reservations []balancer.Reservation) (settled bool, err error) {
	for _, r := range reservations {
		if !r.Expired {
			continue
		}
		is, err := s.Store.Get(ctx, r.Session, session.Linearizable)
		if err != nil && !errors.Is(err, session.ErrNotFound) {
			if decided(err) {
				continue // it cannot be read: the reservation stands, and the count with it
			}
			return settled, err
		}
		there := err == nil && is.Owner() == node
		if err := s.Placer.Settle(ctx, balancer.Outcome{Key: r.Key, Session: r.Session, Node: node, Kept: there}); err != nil {
			return settled, err
		}
		settled = true
	}
	return settled, nil
}
