package fleet

import (
	"context"
	"errors"
	"slices"

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
	var errs failures
	silent := map[int]bool{}
	for node := range counts {
		if !mine(self, view, "count of "+string(node)) {
			continue
		}
		s.overcounted[node] = before[node]
		_, registered := view.Node(node)
		var changed bool
		switch {
		case registered:
			changed, err = s.correctCount(ctx, node, silent)
		case !named(dead, node):
			changed, err = s.Accounts.Forget(ctx, node)
		}
		if changed {
			corrected++
		}
		errs.add(err)
	}
	return corrected, errs.joined()
}

func named(holders []session.Holder, node session.NodeID) bool {
	for _, h := range holders {
		if h.Node == node {
			return true
		}
	}
	return false
}

// correctTries is how often one round tries to set a count right: whatever changes the account meanwhile undoes a try.
const correctTries = 5

// correctCount sets one node's count right by what the records say. While attempts are under way the count may lie anywhere between the
// sessions the node owns and those plus one for each attempt, for nobody can tell from outside which of them have come; beyond that it
// is wrong, and set to the upper end, so that no node is given more than it may own. Nothing is written if the account moved meanwhile.
// Masters that do not answer are noted in silent, by partition.
//
// A count that is too high is set right when a second round finds it so: where a master has lost its records, home names fewer sessions than
// there are until the rounds of all nodes have restored it, and a count set by that would have sessions moved that are well where they are.
func (s *Service) correctCount(ctx context.Context, node session.NodeID, silent map[int]bool) (changed bool, err error) {
	open := s.dropExpired(ctx, node, silent) // those count as under way
	for range correctTries {
		var over bool
		if changed, over, err = s.compareCount(ctx, node); changed || over || err != nil {
			break
		}
	}
	return changed, errors.Join(open, err)
}

// compareCount looks once whether a node's count is right. over: no further look is needed in this round.
func (s *Service) compareCount(ctx context.Context, node session.NodeID) (changed, over bool, err error) {
	snap, err := s.Accounts.Snapshot(ctx, node)
	if err != nil {
		return false, false, err
	}
	owned, err := s.Store.Count(ctx, node)
	if err != nil {
		return false, false, err
	}
	most := owned + snap.Attempts
	if owned <= snap.Load && snap.Load <= most {
		s.overcounted[node] = false
		return false, true, nil
	}
	if snap.Load > most && !s.overcounted[node] {
		s.overcounted[node] = true
		return false, true, nil
	}
	changed, err = s.Accounts.Correct(ctx, node, snap.Moves, most)
	if changed {
		s.Log.Info("set a node's live count right", "node", node, "from", snap.Load, "to", most)
	}
	return changed, false, err
}

// dropExpired drops reservations past their deadline: nothing in flight can still change the session under them. Its session is
// resolved first, so that what a crash left half done is finished or ruled out; the count stays as it is, and is corrected afterwards. Those
// whose sessions cannot be reached stay; the error is about them.
func (s *Service) dropExpired(ctx context.Context, node session.NodeID, silent map[int]bool) error {
	snap, err := s.Accounts.Snapshot(ctx, node)
	if err != nil {
		return err
	}
	expired := slices.DeleteFunc(snap.Reservations, func(r balancer.Reservation) bool { return !r.Expired })
	ids := make([]session.ID, len(expired))
	for i, r := range expired {
		ids[i] = r.Session
	}
	read, err := s.resolved(ctx, ids, silent)
	var outcomes []balancer.Outcome
	for _, r := range expired {
		if _, known := read[r.Session]; known {
			outcomes = append(outcomes, balancer.Outcome{Key: r.Key, Session: r.Session, Node: node, Kept: true})
		}
	}
	return errors.Join(err, s.Placer.Settle(ctx, outcomes...))
}
