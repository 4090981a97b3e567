package sessionstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// decide makes the record that op turns base into, or refuses with one of the domain's errors. It may be asked several times,
// with other bases; base is zero where the session does not exist.
// A decision that is errRefused itself is made again on a resolved record.
type decide func(base Record, op session.OpID) (Record, error)

// change applies op to a session: the one way in which existing records change. It returns the record as op left it; where op
// had been applied before, as it now is. An error that is a *session.UnavailableError leaves open whether op was applied.
// notAfter is when it must no longer be, by the servers' clocks; zero: no limit. why is what its event says; empty: it has none.
func (s *Store) change(ctx context.Context, id session.ID, op session.OpID, why session.Reason, notAfter time.Time, d decide) (Record, error) {
	return s.changeIn(ctx, id, op, why, Record.forgotten, notAfter, d)
}

// untold is why what lies beside a record changes: it is read where it lies, and would drown the events of sessions.
const untold session.Reason = ""

// changeIn is change for an operation that the record remembers in the ledger which forgotten asks.
func (s *Store) changeIn(
	ctx context.Context, id session.ID, op session.OpID, why session.Reason, forgotten func(Record, session.OpID) bool, notAfter time.Time, d decide,
) (Record, error) {
	torn, begun, p := false, false, s.placeOf(id)
	if err := s.behind.wait(ctx, id); err != nil {
		return Record{}, err
	}
	base, err := s.readHome(ctx, p)
	if err != nil {
		return Record{}, err
	}
	resolved := base.exists() && !s.apart(p.partition, base.Chain)
	if resolved { // its copies may have been rolled back with it, to before a move
		if base, err = s.resolve(ctx, p, base.Chain); err != nil {
			return Record{}, err
		}
	}
	for ; ; resolved = true {
		if base.applied(op) {
			s.witness.saw(id, op)
			return base, nil
		}
		next, im, refusal := s.on(base, op, forgotten, d)
		if refusal != nil && resolved && !isRefusal(refusal) {
			return Record{}, refusal
		}
		failure := errRefused
		if isRefusal(refusal) {
			failure = refusal
		}
		if refusal == nil {
			begun, failure = true, s.replace(ctx, p, why, base, next, im, notAfter)
			s.cache.forget(id)
			if failure == nil {
				s.witness.saw(id, op)
				return next, nil
			}
		}
		if errors.Is(failure, errTorn) {
			if torn {
				return Record{}, p.torn(base)
			}
			torn = true
		}
		if base, err = s.resolve(ctx, p, base.Chain); err != nil {
			return Record{}, unsure(begun, err)
		}
		if !isRefusal(failure) && !base.applied(op) {
			return Record{}, unsure(begun, failure)
		}
		if ctx.Err() != nil {
			return Record{}, redisx.Wrap(ctx.Err())
		}
	}
}

// on decides, unless the record can no longer tell whether op was applied to it. A record that cannot be written is refused, too.
func (s *Store) on(base Record, op session.OpID, forgotten func(Record, session.OpID) bool, d decide) (Record, image, error) {
	if forgotten(base, op) {
		return Record{}, image{}, session.ErrUnknownOutcome
	}
	next, err := d(base, op)
	if err != nil {
		return Record{}, image{}, err
	}
	im, err := s.codec.imageOver(next, base)
	return next, im, err
}

// replace writes next, as im, over base on base's chain.
func (s *Store) replace(ctx context.Context, p place, why session.Reason, base, next Record, im image, notAfter time.Time) error {
	st := newStep(p, why, base.Holder.Node, im, over(base))
	st.must, st.notAfter = next.Tombstone || next.Stamp.Epoch != base.Stamp.Epoch, notAfter
	st.attachAll(next.attach)
	if next.fast(base) {
		s.applyFast(ctx, st)
	} else {
		s.apply(ctx, st)
	}
	return st.outcome()
}

// unsure has the error of a change that was begun say that its outcome is not known where a record turned out to be damaged: others may have
// been written before.
func unsure(begun bool, err error) error {
	var damaged *session.CorruptError
	if begun && errors.As(err, &damaged) {
		return fmt.Errorf("%w: %w", session.ErrUnknownOutcome, err)
	}
	return err
}

// unreachable reports an error after which trying again at once is no use.
func unreachable(err error) bool {
	var u *session.UnavailableError
	return errors.As(err, &u)
}
