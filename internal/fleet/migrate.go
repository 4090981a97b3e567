package fleet

import (
	"context"
	"slices"

	"orchestrator/internal/balancer"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// Migrate gives a session another owner: to, or where to is empty the best node but the present one. The session's epoch goes up by
// one; its former owner's writes are refused from then on. A session that to owns already is returned as it is. A live owner hands the
// session over by itself: where it does not do so in time, a *session.UnavailableError says so, and the session may still move. Where nobody
// knows whether the owner lives, a *session.HeldError says until when its lease runs.
func (s *Service) Migrate(ctx context.Context, id session.ID, to session.NodeID) (session.Session, error) {
	is, err := s.Get(ctx, id, session.Linearizable)
	if err != nil {
		return session.Session{}, err
	}
	view, err := s.Members.Refresh(ctx)
	if err != nil {
		return session.Session{}, err
	}
	if to != "" {
		target, ok := view.Node(to)
		switch {
		case !ok || target.State == session.Dead:
			return session.Session{}, session.ErrNodeNotFound
		case target.Holder == is.Holder:
			return is, nil
		}
	}
	req := balancer.Request{Candidates: view.Nodes(), Only: to}
	if to == "" {
		req.Avoid = is.Owner()
	}
	req.Attempts = []balancer.Attempt{{Session: is.ID, Key: string(s.Store.NewOp()), From: is.Owner()}}
	placed, err := s.Placer.Reserve(ctx, req)
	if err != nil {
		return session.Session{}, err
	}
	switch {
	case is.Holder == s.Members.Self().Holder:
		res := s.carryOut(ctx, session.WhyMigrate, []session.Session{is}, placed)[0]
		return res.Session, res.Err
	case view.Live(is.Holder):
		return s.askOwner(ctx, is, placed[0])
	}
	return s.takeFrom(ctx, is, placed[0])
}

// takeFrom takes a session over whose owner is not live in the view. Of one that is not known to be dead the lease is respected: a master
// that was rolled back may have lost its registration, or the beats that renewed it, and it will be back at its next beat.
func (s *Service) takeFrom(ctx context.Context, is session.Session, to balancer.Placed) (session.Session, error) {
	over, err := s.isOver(ctx, is.Holder)
	switch {
	case err != nil:
		s.giveBack(to)
		return session.Session{}, err
	case over:
		return s.seize(ctx, session.WhyOwnerDead, is, to)
	}
	if err := s.takeFree(ctx, session.WhyOrphan, is, to); err != nil {
		return session.Session{}, err
	}
	return s.Get(ctx, is.ID, session.Linearizable)
}

// isOver reports whether a holder is known to be dead: its death stands written, or is declared now by those rules. That its registration
// has ended, or is another incarnation's, is no such knowledge: after a rollback Redis shows what was before.
func (s *Service) isOver(ctx context.Context, h session.Holder) (bool, error) {
	certified, err := s.Undertaker.Certified(ctx, h)
	if err != nil || certified || !s.judges() {
		return certified, err
	}
	dead, err := s.Undertaker.Dead(ctx, s.steadyToJudge())
	return slices.Contains(dead, h), err
}

// seize takes the lease of a session whose owner is not alive for the new one, and takes the session over.
func (s *Service) seize(ctx context.Context, why session.Reason, is session.Session, to balancer.Placed) (session.Session, error) {
	l, err := s.Leases.TakeFrom(ctx, is.ID, is.Holder, is.Stamp.Epoch, to.Node, is.Stamp.Epoch+1)
	if err != nil {
		s.giveBack(to)
		return session.Session{}, err
	}
	res := s.takeOver(ctx, why, []session.Session{is}, []balancer.Placed{to})[0]
	if res.Err != nil {
		_ = l.Release(ctx)
	}
	return res.Session, res.Err
}

// leaves makes the key of the departure that belongs to an arrival: both are announced again as the same.
const leaves = "/leaves"

// takeOver gives each session to the node placed for it, at the next epoch, and settles both nodes' counts.
func (s *Service) takeOver(ctx context.Context, why session.Reason, from []session.Session, to []balancer.Placed) []session.Result {
	departures := make([]balancer.Departure, 0, len(from))
	takeovers := make([]sessionstore.Takeover, len(from))
	for i, is := range from {
		departures = append(departures, balancer.Departure{Session: is.ID, Key: to[i].Key + leaves, Node: is.Owner()})
		takeovers[i] = sessionstore.Takeover{ID: is.ID, From: is.Holder, Epoch: is.Stamp.Epoch, To: to[i].Node, Why: why, NotAfter: to[i].Until}
	}
	if err := s.Placer.Leaving(ctx, departures...); err != nil {
		results := make([]session.Result, len(from))
		for i := range results {
			results[i].Err = &notBegunError{err}
			s.giveBack(to[i])
		}
		return results
	}
	results := s.Store.TakeOver(ctx, takeovers...)
	for i, res := range results {
		// The departure first: should only one of the two be told in time, a count is too high, never too low.
		if known(to[i], res) {
			s.settler.add(balancer.Outcome{Key: departures[i].Key, Session: from[i].ID, Node: from[i].Owner(), Kept: !res.Applied})
		}
		s.settleArrival(to[i], res)
	}
	return results
}
