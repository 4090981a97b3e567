package fleet

import (
	"context"
	"errors"
	"time"

	"orchestrator/internal/balancer"
	"orchestrator/internal/session"
)

// handOffBatch is how many sessions are handed over in one go.
const handOffBatch = 500

// handOff gives sessions that this node owns to others, as many as find room there. The error is about those that were not moved.
func (s *Service) handOff(ctx context.Context, why session.Reason, sessions []session.Session, req balancer.Request) (moved int, err error) {
	found, placed, err := s.place(ctx, sessions, req)
	errs := []error{err}
	for _, res := range s.carryOut(ctx, why, found, placed) {
		if res.Err == nil {
			moved++
		}
		if res.Err != nil && !gone(res.Err) {
			errs = append(errs, res.Err)
		}
	}
	s.metrics.moves.WithLabelValues(string(why)).Add(float64(moved))
	return moved, errors.Join(errs...)
}

// carryOut moves sessions that this node owns to where room is reserved for them: first the processes beside this node stop, then the
// sessions get their new owner. What was not moved is theirs again.
func (s *Service) carryOut(ctx context.Context, why session.Reason, sessions []session.Session, placed []balancer.Placed) []session.Result {
	if len(sessions) == 0 {
		return nil
	}
	results := make([]session.Result, len(sessions))
	if err := s.moving.take(ctx); err != nil {
		for i := range results {
			results[i].Err = err
			s.giveBack(placed[i])
		}
		return results
	}
	defer s.moving.give()
	ids := make([]session.ID, len(sessions))
	for i, is := range sessions {
		ids[i] = is.ID
	}
	s.leaving.add(ids...)
	open := s.doubts.take(ids)
	told := s.tellRevoked(ctx, why, sessions)
	cleared := map[session.ID]bool{}
	for _, id := range s.Roster.Revoke(ctx, ids...) {
		cleared[id] = true
	}
	<-told // so that its event comes before the one of the move
	var going []session.Session
	var to []balancer.Placed
	var at []int
	for i, is := range sessions {
		if !cleared[is.ID] {
			results[i].Err = &session.UnavailableError{Reason: "the processes beside the owner did not let go of the session in time", HandOver: true}
			s.giveBack(placed[i])
			s.stays(is.ID, open[is.ID])
			continue
		}
		going, to, at = append(going, is), append(to, placed[i]), append(at, i)
	}
	for n, res := range s.takeOver(ctx, why, going, to) {
		results[at[n]] = res
		s.tellOutcome(going[n].ID, to[n].Until, open[going[n].ID], res.Err)
	}
	return results
}

// tellLimit is how long a hand-over may be held up by an event that nothing depends on.
const tellLimit = 500 * time.Millisecond

// tellRevoked has those who watch the fleet know that sessions are about to be given away. The channel is closed when they do, or cannot.
func (s *Service) tellRevoked(ctx context.Context, why session.Reason, sessions []session.Session) <-chan struct{} {
	told := make(chan struct{})
	go func() {
		defer close(told)
		ctx, cancel := context.WithTimeout(ctx, tellLimit)
		defer cancel()
		if err := s.Store.TellRevoked(ctx, why, sessions); err != nil {
			s.Log.Warn("who watches is not told that sessions are about to move", "sessions", len(sessions), "error", err)
		}
	}()
	return told
}

// tellOutcome lets the processes beside this node know what became of a session that was to move. While that is open they are told
// nothing: the move may still come. So may an earlier one, of which it was open until a given time, unless this one was made.
func (s *Service) tellOutcome(id session.ID, until, open time.Time, err error) {
	s.leaving.add(id) // once more: the assign job may have looked in between
	var notBegun *notBegunError
	switch {
	case err == nil || gone(err):
		s.Roster.Moved(id)
	case decided(err) || errors.As(err, &notBegun):
		s.stays(id, open)
	default:
		s.doubts.add(id, open)
		s.doubts.add(id, until)
	}
}

// stays gives a session that was not moved back to the processes beside this node, unless an earlier move of it may still come.
func (s *Service) stays(id session.ID, open time.Time) {
	if open.IsZero() {
		s.Roster.Restore(id)
		return
	}
	s.doubts.add(id, open)
}

// gone reports whether an error means that the session belongs to somebody else by now, or to nobody.
func gone(err error) bool {
	var stale *session.StaleEpochError
	return errors.As(err, &stale) || errors.Is(err, session.ErrNotFound)
}

// ownSessions returns up to limit sessions that this node owns and that want, as home shows them.
func (s *Service) ownSessions(ctx context.Context, limit int, want func(session.Session) bool) ([]session.Session, error) {
	return s.sessionsOf(ctx, s.Members.Self().Holder, limit, want)
}

// sessionsOf returns up to limit sessions that a holder owns and that want, as home shows them, partition by partition, so that few script
// calls move them. Where a master does not answer it returns what the others hold, and an error.
func (s *Service) sessionsOf(ctx context.Context, h session.Holder, limit int, want func(session.Session) bool) ([]session.Session, error) {
	var out []session.Session
	counts, failed := s.Store.OwnedIn(ctx, h.Node)
	for partition := range counts {
		for after, more := session.ID(""), true; more && len(out) < limit; {
			ids, next, err := s.Store.Owned(ctx, partition, h.Node, after, recoverPage)
			if err != nil {
				failed = errors.Join(failed, err)
				break
			}
			after, more = next, next != ""
			all, err := s.Store.Sessions(ctx, ids)
			failed = errors.Join(failed, err)
			for _, is := range all {
				if is.Holder == h && want(is) && len(out) < limit {
					out = append(out, is)
				}
			}
		}
	}
	return out, failed
}
