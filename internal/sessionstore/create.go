package sessionstore

import (
	"context"
	"errors"
	"time"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// Birth is one session about to be made.
type Birth struct {
	ID       session.ID
	Draft    session.Draft
	Owner    session.Holder // who the balancer gave it to
	NotAfter time.Time      // by the servers' clocks: when the balancer's reservation ends; zero: no limit
	Chain    []int          // of the id; see ChainFor
}

// ChainFor chooses where the copies of a new session lie. All attempts to create the session must use the same answer.
func (s *Store) ChainFor(id session.ID) []int { return s.chainFor(s.keys.Partition(id)) }

// Create makes sessions; each has its own outcome, in order. It reads nothing beforehand: every record is expected to be absent.
// A session that an earlier attempt with the same id made is returned as it now is; the owner in it tells whose attempt won. A
// session that was made and has been deleted since is session.ErrNotFound.
func (s *Store) Create(ctx context.Context, births ...Birth) []session.Result {
	results := make([]session.Result, len(births))
	steps := make([]*step, 0, len(births))
	records := make([]Record, len(births))
	index := make([]int, 0, len(births))
	for i, b := range births {
		records[i] = created(b.ID, b.Draft, string(b.ID), s.NewOp(), b.Owner, b.Chain)
		im, err := s.codec.image(records[i])
		if err != nil {
			results[i].Err = err
			continue
		}
		st := newStep(s.placeOf(b.ID), session.WhyCreate, "", im, overChain(b.Chain, session.Stamp{}))
		st.notAfter = earlier(b.NotAfter, b.ID.Born().Add(session.IdempotencyKept))
		steps, index = append(steps, st), append(index, i)
	}
	s.apply(ctx, steps...)
	for n, st := range steps {
		i := index[n]
		results[i] = session.Result{Session: records[i].Session, Applied: true}
		if err := st.outcome(); err != nil {
			results[i] = s.createdBefore(ctx, st.place, records[i], err)
		}
		if results[i].Applied {
			s.witness.saw(records[i].ID, records[i].Stamp.Op)
		}
	}
	return results
}

// createdBefore finds out what became of a create whose writes were not all accepted.
func (s *Store) createdBefore(ctx context.Context, p place, want Record, failure error) session.Result {
	got, err := s.resolve(ctx, p, want.Chain)
	op := want.Stamp.Op
	switch {
	case err != nil:
		return session.Result{Err: unsure(true, err)}
	case got.Stamp.IsZero() && errors.Is(failure, errRefused):
		return session.Result{Err: &session.UnavailableError{Reason: "the session's records changed while it was made"}}
	case got.Stamp.IsZero() && redisx.Full(failure):
		// The server answered, so nothing is on its way any more, and there is nothing to be found.
		return session.Result{Err: &session.UnavailableError{Reason: "redis is out of memory", Err: failure, Refused: true}}
	case got.Stamp.IsZero():
		return session.Result{Err: unsure(true, failure)}
	case !got.applied(op) && got.forgotten(op):
		return session.Result{Err: session.ErrUnknownOutcome}
	case got.Tombstone:
		return session.Result{Applied: got.applied(op), Err: session.ErrNotFound}
	}
	return session.Result{Session: got.Session, Applied: got.applied(op)}
}

// earlier returns the earlier of two times; a zero time stands for none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
