package fleet

import (
	"context"
	"errors"

	"orchestrator/internal/balancer"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// Explain tells how a session stands and how the nodes rank for it now. It changes nothing, a session whose time to live has ended included:
// that one is session.ErrNotFound.
func (s *Service) Explain(ctx context.Context, id session.ID) (session.Explanation, error) {
	e, err := s.Store.Explain(ctx, id)
	switch {
	case err != nil:
		return session.Explanation{}, err
	case e.Session.Expired(s.Store.Now()):
		return session.Explanation{}, session.ErrNotFound
	}
	e.Ranking, err = s.rank(ctx, balancer.Attempt{Session: id, From: e.Session.Owner()}, session.Placement{})
	var full *session.NoCapacityError
	if errors.As(err, &full) { // which the ranking tells
		err = nil
	}
	return e, err
}

// DryRun tells what a create of the draft would make, and fails where it would. It writes nothing, and keeps no room.
func (s *Service) DryRun(ctx context.Context, d session.Draft) (session.DryRun, error) {
	if err := d.Validate(); err != nil {
		return session.DryRun{}, err
	}
	id := s.batchIDs(1)[0]
	ranking, err := s.rank(ctx, balancer.Attempt{Session: id}, d.Placement)
	if err != nil {
		return session.DryRun{}, err
	}
	is, err := s.Store.Preview(sessionstore.Birth{ID: id, Draft: d, Owner: ranking.Chosen, Chain: s.Store.ChainFor(id)})
	return session.DryRun{Session: is, Ranking: ranking}, err
}

func (s *Service) rank(ctx context.Context, a balancer.Attempt, prefer session.Placement) (session.Ranking, error) {
	a.Key = string(s.Store.NewOp())
	return s.Placer.Explain(ctx, balancer.Request{Attempts: []balancer.Attempt{a}, Candidates: s.Members.View().Nodes(), Prefer: prefer})
}
