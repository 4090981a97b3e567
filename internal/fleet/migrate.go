package fleet

import (
	"context"

	"orchestrator/internal/balancer"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// Migrate gives a session another owner: to, or where to is empty the best node but the present one. The session's epoch goes up by
// one; its former owner's writes are refused from then on. A session that to owns already is returned as it is.
func (s *Service) Migrate(ctx context.Context, id session.ID, to session.NodeID) (session.Session, error) {
	is, err := s.Get(ctx, id, session.Linearizable)
	if err != nil {
		return session.Session{}, err
	}
	view := s.Members.View()
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
	return s.handOver(ctx, is, req)
}

// handOver reserves room elsewhere, takes the session's lease for the new owner, and takes the session over.
func (s *Service) handOver(ctx context.Context, is session.Session, req balancer.Request) (session.Session, error) {
	req.Attempts = []balancer.Attempt{{Session: is.ID, Key: string(s.Store.NewOp()), From: is.Owner()}}
	placed, err := s.Placer.Reserve(ctx, req)
	if err != nil {
		return session.Session{}, err
	}
	to := placed[0]
	l, err := s.Leases.TakeFrom(ctx, is.ID, is.Holder, is.Stamp.Epoch, to.Node, is.Stamp.Epoch+1)
	if err != nil {
		s.giveBack(to)
		return session.Session{}, err
	}
	res := s.takeOver(ctx, []session.Session{is}, placed)[0]
	if res.Err != nil {
		_ = l.Release(ctx)
	}
	return res.Session, res.Err
}

// takeOver gives each session to the node placed for it, at the next epoch, and settles both nodes' counts.
func (s *Service) takeOver(ctx context.Context, from []session.Session, to []balancer.Placed) []session.Result {
	departures := make([]balancer.Departure, 0, len(from))
	takeovers := make([]sessionstore.Takeover, len(from))
	for i, is := range from {
		departures = append(departures, balancer.Departure{Session: is.ID, Key: string(s.Store.NewOp()), Node: is.Owner()})
		takeovers[i] = sessionstore.Takeover{ID: is.ID, From: is.Holder, Epoch: is.Stamp.Epoch, To: to[i].Node, NotAfter: to[i].Until}
	}
	if err := s.Placer.Leaving(ctx, departures...); err != nil {
		results := make([]session.Result, len(from))
		for i := range results {
			results[i].Err = err
			s.giveBack(to[i])
		}
		return results
	}
	results := s.Store.TakeOver(ctx, takeovers...)
	for i, res := range results {
		// The departure first: should only one of the two be told in time, a count is too high, never too low.
		if res.Applied || res.Err == nil || decided(res.Err) {
			s.settler.add(balancer.Outcome{Key: departures[i].Key, Session: from[i].ID, Node: from[i].Owner(), Kept: !res.Applied})
		}
		s.settleArrival(to[i], res)
	}
	return results
}
