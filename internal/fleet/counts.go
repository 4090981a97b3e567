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
	if !s.judges() {
		return 0, nil // asking for the dead declares them so
	}
	dead, err := s.Undertaker.Dead(ctx, s.steadyToJudge())
	if err != nil {
		return 0, err
	}
	self := s.Members.Self().Holder
	before := s.overcounted
	s.overcounted = map[session.NodeID]bool{}
	var errs []error
	for node := range counts {
		if !mine(self, view, "count of "+string(node)) {
			continue
		}
		s.overcounted[node] = before[node]
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

// correctCount sets one node's count right by what the records say. While attempts are under way the count may lie anywhere between the
// sessions the node owns and those plus one for each attempt, for nobody can tell from outside which of them have come; beyond that it
// is wrong, and set to the upper end, so that no node is given more than it may own. Nothing is written if the account moved meanwhile.
//
// A count that is too high is set right when a second round finds it so: where a master has lost its records, home names fewer sessions than
// there are until the rounds of all nodes have restored it, and a count set by that would have sessions moved that are well where they are.
func (s *Service) correctCount(ctx context.Context, node session.NodeID) (bool, error) {
	snap, err := s.Accounts.Snapshot(ctx, node)
	if err != nil {
		return false, err
	}
	if dropped, err := s.dropExpired(ctx, node, snap.Reservations); err != nil || dropped || snap.Truncated {
		return false, err
	}
	owned, err := s.Store.Count(ctx, node)
	most := owned + len(snap.Reservations)
	if err != nil {
		return false, err
	}
	if owned <= snap.Load && snap.Load <= most {
		s.overcounted[node] = false
		return false, nil
	}
	if tooHigh := snap.Load > most; tooHigh && !s.overcounted[node] {
		s.overcounted[node] = true
		return false, nil
	}
	changed, err := s.Accounts.Correct(ctx, node, snap.Moves, most)
	if changed {
		s.Log.Info("set a node's live count right", "node", node, "from", snap.Load, "to", most)
	}
	return changed, err
}

// dropExpired drops reservations past their deadline: nothing in flight can still change the session under them. Its session is
// resolved first, so that what a crash left half done is finished or ruled out; the count stays as it is, and is corrected afterwards.
func (s *Service) dropExpired(ctx context.Context, node session.NodeID, reservations []balancer.Reservation) (dropped bool, err error) {
	for _, r := range reservations {
		if !r.Expired {
			continue
		}
		if _, err := s.Store.Get(ctx, r.Session, session.Linearizable); err != nil && !decided(err) {
			return dropped, err
		}
		if err := s.Placer.Settle(ctx, balancer.Outcome{Key: r.Key, Session: r.Session, Node: node, Kept: true}); err != nil {
			return dropped, err
		}
		dropped = true
	}
	return dropped, nil
}
