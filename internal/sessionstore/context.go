package sessionstore

import (
	"context"
	"slices"
	"time"

	"orchestrator/internal/session"
)

// Context returns what a session's context holds. It returns session.ErrNotFound or session.ErrContextNotFound. An eventual read looks at home
// alone, which may lag after the loss of a Redis master.
func (s *Store) Context(ctx context.Context, id session.ID, c session.Consistency) (session.Context, error) {
	p := s.placeOf(id)
	r, err := s.besideAt(ctx, p, c)
	for tries := 0; ; tries++ {
		switch {
		case err != nil:
			return session.Context{}, err
		case !r.exists() || r.Expired(s.redis.Now()):
			return session.Context{}, session.ErrNotFound
		case r.Beside.Context.IsZero():
			return session.Context{}, session.ErrContextNotFound
		}
		key, of := p.beside(home)[1], r.Beside.Context
		value, err := s.contextOf(ctx, key, of.Op)
		if err == nil {
			data := []byte(value[opSize:])
			return session.Context{Data: data, Type: r.Beside.ContextType, Stamp: of, UpdatedAt: of.Op.Born()}, nil
		}
		if !isRefusal(err) {
			return session.Context{}, err
		}
		if tries == contextTries {
			return session.Context{}, &session.CorruptError{Key: key, Reason: "it does not hold the context that the record names"}
		}
		if r, err = s.resolve(ctx, p, r.Chain); err != nil { // it was written meanwhile, or home has lost it
			return session.Context{}, err
		}
	}
}

// contextTries is how often a context is looked for that the record names and home does not have: it may be written all the time.
const contextTries = 20

// PutContext writes a session's context under a condition: IfMatch and Absent are about the context's own state. It returns the context's
// new stamp and whether there was none before, or session.ErrNotFound, a *session.StaleEpochError, a *session.VersionMismatchError, a
// *session.InvalidError or a *session.TooLargeError, the first three decided on a resolved record.
func (s *Store) PutContext(
	ctx context.Context, id session.ID, op session.OpID, c session.Context, cond session.Condition,
) (stamp session.Stamp, made bool, err error) {
	if err := c.Validate(); err != nil {
		return session.Stamp{}, false, err
	}
	_, err = s.changeIn(ctx, id, op, untold, Record.forgottenBeside, time.Time{}, func(base Record, op session.OpID) (Record, error) {
		if err := checkContext(base, op, cond); err != nil {
			return Record{}, err
		}
		next := base.besideBy(op)
		next.save(c)
		stamp, made = next.Stamp, base.Beside.Context.IsZero()
		return next, nil
	})
	return stamp, made, err
}

// DropContext removes a session's context under a condition, as PutContext has it. It returns session.ErrContextNotFound where there is none.
func (s *Store) DropContext(ctx context.Context, id session.ID, op session.OpID, cond session.Condition) error {
	_, err := s.changeIn(ctx, id, op, untold, Record.forgottenBeside, time.Time{}, func(base Record, op session.OpID) (Record, error) {
		err := checkContext(base, op, cond)
		if err == nil && base.Beside.Context.IsZero() {
			err = session.ErrContextNotFound
		}
		if err != nil {
			return Record{}, err
		}
		next := base.besideBy(op)
		next.erase()
		return next, nil
	})
	return err
}

// save has the change that made the record write a context.
func (r *Record) save(c session.Context) {
	r.Beside.Context, r.Beside.ContextType = r.Stamp, c.Type
	r.attach = newAttachment()
	r.attach.context, r.attach.value = set, string(r.Stamp.Op)+string(c.Data)
}

// erase has it remove the context.
func (r *Record) erase() {
	r.Beside.Context, r.Beside.ContextType = session.Stamp{}, ""
	r.attach = newAttachment()
	r.attach.context = drop
}

// checkContext returns why a conditional write of base's context is refused.
func checkContext(base Record, op session.OpID, cond session.Condition) error {
	if err := check(base, op, session.Condition{Epoch: cond.Epoch}); err != nil {
		return err
	}
	is := base.Beside.Context
	matches := len(cond.IfMatch) == 0 || !is.IsZero() && (slices.Contains(cond.IfMatch, "*") || slices.Contains(cond.IfMatch, is.String()))
	switch {
	case !matches:
		return &session.VersionMismatchError{Given: cond.IfMatch[0], Current: is.String(), Context: true}
	case cond.Absent && !is.IsZero():
		return &session.VersionMismatchError{Current: is.String(), Context: true}
	}
	return nil
}
