package sessionstore

import (
	"context"
	"errors"
	"time"

	"orchestrator/internal/session"
)

// Leave is called with the session as it stands before each attempt to end it, so that its owner's count can follow. It may be
// called several times, with other owners; nil does nothing.
type Leave func(session.Session) error

// Delete ends a session under a condition and leaves a tombstone. It returns the session as it was, or session.ErrNotFound, a
// *session.StaleEpochError, a *session.VersionMismatchError or a *session.BesideChangedError.
func (s *Store) Delete(ctx context.Context, id session.ID, op session.OpID, cond session.Condition, leave Leave) (session.Session, error) {
	return s.end(ctx, id, op, session.WhyDelete, leave, func(base Record) error {
		if err := check(base, op, cond); err != nil {
			return err
		}
		return base.Beside.check(cond)
	})
}

// Expire ends a session if its time to live has ended; false means that there was nothing to end. An entry that names nothing is the
// sync round's to remove, and to count.
func (s *Store) Expire(ctx context.Context, id session.ID, leave Leave) (bool, error) {
	op := s.NewOp()
	_, err := s.end(ctx, id, op, session.WhyEnded, leave, func(base Record) error {
		if !base.exists() || !base.Expired(op.Born()) {
			return session.ErrNotFound
		}
		return nil
	})
	if errors.Is(err, session.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (s *Store) end(ctx context.Context, id session.ID, op session.OpID, why session.Reason, leave Leave, may func(Record) error) (session.Session, error) {
	var was session.Session
	_, err := s.change(ctx, id, op, why, time.Time{}, func(base Record, op session.OpID) (Record, error) {
		if err := may(base); err != nil {
			return Record{}, err
		}
		if leave != nil {
			if err := leave(base.Session); err != nil {
				return Record{}, err
			}
		}
		was = base.Session
		return base.deleted(op), nil
	})
	return was, err
}
