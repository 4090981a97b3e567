package sessionstore

import (
	"context"
	"errors"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// decide makes the record that op turns base into, or refuses with one of the domain's errors. It may be asked several times,
// with other bases; base is zero where the session does not exist.
type decide func(base Record, op session.OpID) (Record, error)

// change applies op to a session: the one way in which existing records change. It returns the record as op left it; where op
// had been applied before, as it now is. An error that is a *session.UnavailableError leaves open whether op was applied.
func (s *Store) change(ctx context.Context, id session.ID, op session.OpID, d decide) (Record, error) {
	p := s.placeOf(id)
	base, err := s.readHome(ctx, p)
	if err != nil {
		return Record{}, err
	}
	for resolved := false; ; resolved = true {
		if base.applied(op) {
			return base, nil
		}
		next, err := d.on(base, op)
		if err != nil && resolved {
			return Record{}, err
		}
		if err == nil {
			if err = s.replace(ctx, p, base, next); err == nil {
				return next, nil
			}
		}
		failure := err
		if base, err = s.resolve(ctx, p, base.Chain); err != nil {
			return Record{}, err
		}
		if unreachable(failure) && !base.applied(op) {
			return Record{}, failure
		}
		if ctx.Err() != nil {
			return Record{}, redisx.Wrap(ctx.Err())
		}
	}
}

// on decides, unless the record can no longer tell whether op was applied to it.
func (d decide) on(base Record, op session.OpID) (Record, error) {
	if base.forgotten(op) {
		return Record{}, session.ErrUnknownOutcome
	}
	return d(base, op)
}

// replace writes next over base on base's chain.
func (s *Store) replace(ctx context.Context, p place, base, next Record) error {
	im, err := next.image()
	if err != nil {
		return err
	}
	st := newStep(p, base.Holder.Node, im, over(base))
	st.must = next.Tombstone || next.Stamp.Epoch != base.Stamp.Epoch
	s.apply(ctx, st)
	return st.outcome()
}

// unreachable reports an error after which trying again at once is no use.
func unreachable(err error) bool {
	var u *session.UnavailableError
	return errors.As(err, &u)
}
