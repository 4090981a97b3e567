package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"orchestrator/internal/balancer"
	"orchestrator/internal/handover"
	"orchestrator/internal/session"
)

const (
	requestPage = 200                   // requests dealt with in one look
	answerKept  = time.Minute           // for how long it is known that one was dealt with; none is met again later
	moveLook    = 20 * time.Millisecond // between two looks at whether a session has moved
)

// handOverRequested hands over what other nodes ask this one for. Where a session is no longer what it was asked for, nothing is done,
// and whoever asked sees that for himself.
func (s *Service) handOverRequested(ctx context.Context) error {
	if !s.Members.Trusted() {
		return nil
	}
	self := s.Members.Self().Holder
	requests, err := s.Requests.Next(ctx, self.Node, requestPage)
	if err != nil || len(requests) == 0 {
		return err
	}
	going, placed, err := s.stillOwned(ctx, self, s.answered.fresh(requests, time.Now()))
	if err != nil {
		return err
	}
	s.answered.add(requests, time.Now())
	moved := 0
	for i, res := range s.carryOut(ctx, session.WhyMigrate, going, placed) {
		if res.Err == nil {
			moved++
		} else if !gone(res.Err) {
			s.Log.Warn("could not hand a session over", "session", going[i].ID, "to", placed[i].Node.Node, "error", res.Err)
		}
	}
	s.metrics.moves.WithLabelValues(byRequest).Add(float64(moved))
	_, err = s.Requests.Next(ctx, self.Node, 0, requests...)
	return err
}

// answered are the keys of requests that were dealt with, and when. One may be met again: it could not be taken off the list, or arrived
// twice. What it reserved is then no longer its to give back. It belongs to the job that hands over.
type answered map[string]time.Time

// fresh returns the requests that were not dealt with before.
func (a answered) fresh(requests []handover.Request, now time.Time) []handover.Request {
	maps.DeleteFunc(a, func(_ string, at time.Time) bool { return now.Sub(at) > answerKept })
	return slices.DeleteFunc(slices.Clone(requests), func(r handover.Request) bool { return !a[r.Key].IsZero() })
}

func (a answered) add(requests []handover.Request, now time.Time) {
	for _, r := range requests {
		a[r.Key] = now
	}
}

// stillOwned returns the sessions that are as the requests have them, each once, with where it is to go. Other reservations are given back,
// but for those of an earlier incarnation's requests: it may have used them.
func (s *Service) stillOwned(ctx context.Context, self session.Holder, requests []handover.Request) ([]session.Session, []balancer.Placed, error) {
	ids := make([]session.ID, len(requests))
	for i, r := range requests {
		ids[i] = r.Session
	}
	all, err := s.Store.Sessions(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	owned := map[session.ID]session.Session{}
	for _, is := range all {
		if is.Holder == self {
			owned[is.ID] = is
		}
	}
	var going []session.Session
	var placed []balancer.Placed
	for _, r := range requests {
		if r.From != self {
			continue
		}
		is, ok := owned[r.Session]
		if !ok || r.Epoch != is.Stamp.Epoch {
			s.giveBack(placedFor(r))
			continue
		}
		delete(owned, r.Session) // the first request is the one that counts
		going, placed = append(going, is), append(placed, placedFor(r))
	}
	return going, placed, nil
}

func placedFor(r handover.Request) balancer.Placed {
	return balancer.Placed{Attempt: balancer.Attempt{Session: r.Session, Key: r.Key, From: r.From.Node}, Node: r.To, Until: r.Until}
}

// askOwner leaves a request with a live owner and waits until the session has moved.
func (s *Service) askOwner(ctx context.Context, is session.Session, to balancer.Placed) (session.Session, error) {
	err := s.Requests.Ask(ctx, handover.Request{Session: is.ID, From: is.Holder, Epoch: is.Stamp.Epoch, Key: to.Key, To: to.Node, Until: to.Until})
	if err != nil {
		return session.Session{}, err
	}
	tick := time.NewTicker(moveLook)
	defer tick.Stop()
	for {
		if now, moved, err := s.hasMoved(ctx, is); moved || errors.Is(err, session.ErrNotFound) {
			if err == nil && now.Holder != to.Node {
				err = &session.StaleEpochError{Given: is.Stamp.Epoch, Current: now.Stamp.Epoch, Owner: now.Owner()}
			}
			return now, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			reason := fmt.Sprintf("node %s, which owns the session, has not handed it over in time; it stays asked to, and may do so yet: "+
				"read the session before asking again", is.Owner())
			return session.Session{}, &session.UnavailableError{Reason: reason, Err: ctx.Err(), HandOver: true}
		}
	}
}

// hasMoved looks at home alone first, and believes only all records.
func (s *Service) hasMoved(ctx context.Context, was session.Session) (now session.Session, moved bool, err error) {
	for _, c := range []session.Consistency{session.Eventual, session.Linearizable} {
		now, err = s.Get(ctx, was.ID, c)
		if err != nil && c == session.Eventual && errors.Is(err, session.ErrNotFound) {
			continue
		}
		if err != nil || now.Holder == was.Holder && now.Stamp.Epoch == was.Stamp.Epoch {
			return session.Session{}, false, err
		}
	}
	return now, true, nil
}
