package sessionstore

import (
	"context"
	"time"

	"orchestrator/internal/session"
)

// fast reports whether the change that made the record of base may be acknowledged before home has it. What gives a session to somebody, or ends
// it, may not.
func (r Record) fast(base Record) bool {
	return base.Durability == session.Fast && r.Stamp.Epoch == base.Stamp.Epoch && !r.Tombstone
}

// applyFast is apply for one step that is acknowledged when its first place, a copy, has it. The others follow in the same order. So a fast
// change is ordered like any other, by its first copy, and differs in nothing but what a rollback of that copy's master may lose: this change,
// until home has it. Nobody builds on it before that: a change is made from what home holds, or a resolve has written there.
func (s *Store) applyFast(ctx context.Context, st *step) {
	if s.write(ctx, 0, []*step{st}); st.failed() || len(st.writes) == 1 {
		return
	}
	rest := *st
	rest.must = true // it is acknowledged: it goes through although Redis is full
	if !s.leave(ctx, &rest, func(ctx context.Context) { s.bringHome(ctx, &rest) }) {
		s.applyRest(ctx, st)
		s.behind.came(st)
	}
}

// applyRest is what apply does after the first round.
func (s *Store) applyRest(ctx context.Context, st *step) {
	for round := 1; s.write(ctx, round, []*step{st}); round++ {
	}
	s.cache.forget(st.place.session) // what was read meanwhile is of before
}

// homePause is between two tries to bring a change home.
const homePause = 100 * time.Millisecond

// bringHome does the rest of a change that was acknowledged. Where a place refuses it, it is for a resolve to say whether it stands; where one
// cannot be reached it tries again until ctx ends, and leaves it to whoever resolves the session next.
func (s *Store) bringHome(ctx context.Context, rest *step) {
	for s.applyRest(ctx, rest); rest.failed(); {
		r, err := s.resolve(ctx, rest.place, nil)
		switch op := rest.image.stamp.Op; {
		case err == nil && r.knows(op):
			rest.err, rest.code = nil, done
		case err == nil:
			s.log.Error("an acknowledged change is gone: the first copy of a fast session was rolled back before home had it", "session", rest.place.session, "op", op)
			rest.err = errRefused
			return
		default:
			rest.err = err
			select {
			case <-ctx.Done():
				return
			case <-time.After(homePause):
			}
		}
	}
	s.cache.forget(rest.place.session)
}

// Behind returns of how many fast changes home has still to be told, and how many this node could not bring home: whoever resolves their sessions
// next does, unless the first copy has lost them.
func (s *Store) Behind() (open int, left uint64) { return s.behind.count() }

// OnLag has f told, for each fast change, how long home took to have it from its acknowledgement on. It must be called before the first change.
func (s *Store) OnLag(f func(time.Duration)) { s.behind.lag = f }

// Settle waits until home has what this node acknowledged fast, or that was given up, or ctx ends.
func (s *Store) Settle(ctx context.Context) error {
	for _, over := range s.behind.all() {
		if err := await(ctx, over); err != nil {
			return err
		}
	}
	return nil
}
