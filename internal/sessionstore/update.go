package sessionstore

import (
	"context"
	"slices"
	"time"

	"orchestrator/internal/session"
)

// Update applies a merge patch under a condition. It returns session.ErrNotFound, a *session.StaleEpochError, a
// *session.VersionMismatchError, a *session.InvalidError or a *session.TooLargeError, each decided on a resolved record.
func (s *Store) Update(ctx context.Context, id session.ID, op session.OpID, p session.Patch, cond session.Condition) (session.Session, error) {
	r, err := s.change(ctx, id, op, session.WhyPatch, time.Time{}, func(base Record, op session.OpID) (Record, error) {
		if err := check(base, op, cond); err != nil {
			return Record{}, err
		}
		next := base.next(op)
		changed, err := p.Apply(next.Session, op.Born())
		next.Session = changed
		return next, err
	})
	return r.Session, err
}

// check returns why a conditional write on base is refused; an expired session counts as gone.
func check(base Record, op session.OpID, cond session.Condition) error {
	switch {
	case !base.exists() || base.Expired(op.Born()):
		return session.ErrNotFound
	case cond.Epoch != 0 && cond.Epoch != base.Stamp.Epoch:
		return &session.StaleEpochError{Given: cond.Epoch, Current: base.Stamp.Epoch, Owner: base.Owner()}
	case len(cond.IfMatch) > 0 && !slices.Contains(cond.IfMatch, "*") && !slices.Contains(cond.IfMatch, base.ETag().String()):
		return &session.VersionMismatchError{Given: cond.IfMatch[0], Current: base.ETag().String()}
	}
	return nil
}
