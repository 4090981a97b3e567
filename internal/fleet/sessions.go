package fleet

import (
	"context"
	"errors"

	"orchestrator/internal/balancer"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// Get returns a session. One whose time to live has ended is ended by the linearizable read that meets it, so that no later read can
// show it again; an eventual read merely passes it over.
func (s *Service) Get(ctx context.Context, id session.ID, c session.Consistency) (session.Session, error) {
	for {
		got, err := s.Store.Get(ctx, id, c)
		if err != nil || !got.Expired(s.Store.Now()) {
			return got, err
		}
		if c == session.Eventual {
			return session.Session{}, session.ErrNotFound
		}
		if _, err := s.expire(ctx, id); err != nil {
			return session.Session{}, err
		}
	}
}

// Update applies a merge patch under a condition, whoever owns the session.
func (s *Service) Update(ctx context.Context, id session.ID, p session.Patch, cond session.Condition) (session.Session, error) {
	return s.Store.Update(ctx, id, s.Store.NewOp(), p, cond)
}

// Delete ends a session under a condition, whoever owns it, alive or not.
func (s *Service) Delete(ctx context.Context, id session.ID, cond session.Condition) error {
	d := &departure{s: s}
	_, err := s.Store.Delete(ctx, id, s.Store.NewOp(), cond, d.leave(ctx))
	d.settle(err)
	return err
}

// expire ends a session if its time to live has ended.
func (s *Service) expire(ctx context.Context, id session.ID) (bool, error) {
	d := &departure{s: s}
	ended, err := s.Store.Expire(ctx, id, d.leave(ctx))
	if err == nil && !ended {
		err = session.ErrNotFound
	}
	d.settle(err)
	if errors.Is(err, session.ErrNotFound) {
		err = nil
	}
	return ended, err
}

// departure announces to the balancer that a session is about to leave its owner, and says afterwards whether it did. Each attempt
// meets a fresh record and may meet another owner; only the last one can have been carried out.
type departure struct {
	s         *Service
	announced []balancer.Departure
}

func (d *departure) leave(ctx context.Context) sessionstore.Leave {
	return func(is session.Session) error {
		one := balancer.Departure{Session: is.ID, Key: string(d.s.Store.NewOp()), Node: is.Owner()}
		d.announced = append(d.announced, one)
		return d.s.Placer.Leaving(ctx, one)
	}
}

// settle ends the departures. While it is open whether the session went, the last one stands until the records tell.
func (d *departure) settle(err error) {
	for i, one := range d.announced {
		last := i == len(d.announced)-1
		if last && err != nil && !decided(err) {
			return
		}
		d.s.settler.add(balancer.Outcome{Key: one.Key, Session: one.Session, Node: one.Node, Kept: !last || err != nil})
	}
}

// List returns a page of the sessions that are asked for.
func (s *Service) List(ctx context.Context, want session.Listing) (session.Page, error) {
	return s.Store.List(ctx, want)
}
