package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"orchestrator/internal/balancer"
	"orchestrator/internal/session"
)

// drainSlice is how long one run of the drain job goes on.
const drainSlice = 5 * time.Second

// drainAsked hands this node's sessions over while its state, which any node may have set, says so.
func (s *Service) drainAsked(ctx context.Context) error {
	for begun := time.Now(); time.Since(begun) < drainSlice; {
		if s.Members.Self().State != session.Draining {
			s.drains.stop()
			return nil
		}
		if !s.Members.Trusted() {
			return nil
		}
		left, err := s.drainSome(ctx)
		if !left || err != nil {
			return s.drains.hush(err)
		}
	}
	return nil
}

// drainSome hands a batch of sessions over; left says whether there may be more.
func (s *Service) drainSome(ctx context.Context) (left bool, err error) {
	if err := s.drains.take(ctx); err != nil {
		return true, err
	}
	defer s.drains.give()
	sessions, err := s.ownSessions(ctx, handOffBatch, func(session.Session) bool { return true })
	if len(sessions) == 0 {
		if err == nil {
			s.drains.end(s)
		}
		return err != nil, err
	}
	s.drains.begin()
	view, viewErr := s.Members.Refresh(ctx)
	if viewErr != nil {
		return true, viewErr
	}
	moved, handErr := s.handOff(ctx, session.WhyDrain, sessions, balancer.Request{Candidates: view.Nodes(), Avoid: s.Members.Self().Node})
	s.drains.count(moved)
	return true, errors.Join(err, handErr)
}

// Drain has a node hand all its sessions over and take no more; uncordoning it ends that. The node itself does it, as soon as it sees
// that it is asked to. within says until when it should have; a node that has not goes on trying, and says so.
func (s *Service) Drain(ctx context.Context, id session.NodeID, within time.Duration) (session.Node, error) {
	n, err := s.Undertaker.Drain(ctx, id, within)
	if err == nil && id == s.Members.Self().Node {
		s.work.nudge("drain")
	}
	return n, err
}

// Retire hands everything over that this node owns, before it leaves the fleet. It ends when nothing is left, when no other node takes
// sessions, or with within or ctx; it says how many sessions are left then, for others to take over. The node still serves meanwhile.
func (s *Service) Retire(ctx context.Context, within time.Duration) (left int) {
	if within <= 0 {
		return s.stay(ctx, "no time is given to hand them over", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	self := s.Members.Self().Node
	pause := time.NewTicker(retirePause)
	defer pause.Stop()
	for {
		more, err := true, s.beginToRetire(ctx, within)
		if err == nil {
			more, err = s.drainSome(ctx)
		}
		switch {
		case !more && err == nil && s.settled(ctx, self):
			return 0
		case more && err == nil:
			continue
		case err != nil && s.alone():
			return s.stay(ctx, "no other node takes sessions", err)
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return s.stay(context.WithoutCancel(ctx), fmt.Sprintf("the drain took longer than %s", within), err)
		}
	}
}

// beginToRetire has the node take no more sessions, unless it says so already: somebody may have uncordoned it since.
func (s *Service) beginToRetire(ctx context.Context, within time.Duration) error {
	if s.Members.Self().State == session.Draining {
		return nil
	}
	_, err := s.Drain(ctx, s.Members.Self().Node, within)
	return err
}

// retirePause is how long a node that ends waits before it tries again to hand over what is left.
const retirePause = 100 * time.Millisecond

// settled reports whether no session is on its way to this node any more.
func (s *Service) settled(ctx context.Context, self session.NodeID) bool {
	snap, err := s.Accounts.Snapshot(ctx, self)
	return err == nil && len(snap.Reservations) == 0 && snap.Load == 0
}

// alone reports whether no other node takes sessions.
func (s *Service) alone() bool {
	for _, n := range s.Members.View().Nodes() {
		if n.Node != s.Members.Self().Node && n.Takes() {
			return false
		}
	}
	return true
}

// stay counts what is left behind, and says why.
func (s *Service) stay(ctx context.Context, why string, err error) int {
	limited, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	left, countErr := s.Store.Count(limited, s.Members.Self().Node)
	if countErr != nil {
		left = -1
	}
	if left != 0 {
		s.Log.Warn("sessions are left behind for other nodes to take over", "why", why, "left", left, "error", errors.Join(err, countErr))
	}
	return left
}
