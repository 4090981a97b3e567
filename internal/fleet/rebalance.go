package fleet

import (
	"context"
	"time"

	"orchestrator/internal/balancer"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
)

const (
	coolDown  = time.Minute // for so long a session that was moved is not moved again to even out the load
	askedRate = 100         // sessions a second that a node gives away when it is asked to, where it gives none by itself
	tolerance = 0.1         // how much more than its share a node may own before it gives any away by itself

	// restInVain is for how long a node that has too much, but less that may be moved, does not look again: a look reads all that it owns.
	restInVain = 5 * time.Second
)

// movable reports whether a session may be moved now to even out the load. One that never moved may always.
func movable(is session.Session, now time.Time) bool {
	if is.Labels[session.LabelDisruption] == session.DisruptionNever {
		return false
	}
	return is.Stamp.Epoch <= 1 || now.Sub(is.OwnedAt) >= coolDown
}

// evenOut gives away what this node has too much, some at a time: where somebody wishes it, or where it exceeds its share by far.
func (s *Service) evenOut(ctx context.Context) error {
	if s.Members.Self().State != session.Ready || !s.judges() {
		return nil
	}
	wished, err := s.Requests.Wished(ctx)
	if err != nil || !s.tooMuch(s.Members.View(), wished) {
		return err
	}
	view, err := s.Members.Refresh(ctx) // the counts of a moment ago: what was moved since is not moved twice
	if err != nil || !s.tooMuch(view, wished) || len(receivers(view)) == 0 {
		return err
	}
	if !wished && time.Since(s.soughtInVain) < restInVain {
		return nil
	}
	now := s.Store.Now()
	n := min(s.part(view).Give(), s.perRound())
	sessions, err := s.ownSessions(ctx, n, func(is session.Session) bool { return movable(is, now) })
	if len(sessions) < n {
		s.soughtInVain = time.Now()
	}
	if len(sessions) == 0 {
		return err
	}
	moved, err := s.handOff(ctx, session.WhyRebalance, sessions, balancer.Request{Candidates: receivers(view)})
	if moved > 0 {
		s.Log.Info("gave sessions away to even out the load", "sessions", moved, "left", n-moved)
	}
	return err
}

// perRound is how many sessions one round may move.
func (s *Service) perRound() int {
	rate := s.RebalanceRate
	if rate == 0 {
		rate = askedRate
	}
	return max(1, int(float64(rate)*s.GossipInterval.Seconds()))
}

// part is this node's part in evening out the load.
func (s *Service) part(view registry.View) session.RebalanceNode {
	for _, n := range plan(view.Nodes()) {
		if n.Node == s.Members.Self().Node {
			return n
		}
	}
	return session.RebalanceNode{}
}

func (s *Service) tooMuch(view registry.View, wished bool) bool {
	p := s.part(view)
	if wished {
		return p.Give() > 0
	}
	return s.RebalanceRate > 0 && float64(p.Sessions) > float64(p.Target)*(1+tolerance)
}

// receivers returns the nodes that have less than their share.
func receivers(view registry.View) []session.Node {
	var out []session.Node
	nodes := view.Nodes()
	short := map[session.NodeID]bool{}
	for _, p := range plan(nodes) {
		short[p.Node] = p.Sessions < p.Target
	}
	for _, n := range nodes {
		if short[n.Node] {
			out = append(out, n)
		}
	}
	return out
}

// Rebalance tells what evening out the load takes, and unless it is a dry run has the nodes do it, at a bounded rate.
func (s *Service) Rebalance(ctx context.Context, dryRun bool) (session.Rebalance, error) {
	view, err := s.Members.Refresh(ctx)
	if err != nil {
		return session.Rebalance{}, err
	}
	r := session.Rebalance{Nodes: plan(view.Nodes())}
	for i := range r.Nodes {
		if err := s.choose(ctx, view, &r, &r.Nodes[i]); err != nil {
			return session.Rebalance{}, err
		}
	}
	if dryRun || r.Moves == 0 {
		return r, nil
	}
	if err := s.Requests.Wish(ctx, s.Members.Self().Node); err != nil {
		return session.Rebalance{}, err
	}
	s.work.nudge("rebalance")
	return r, nil
}

// choose looks for the sessions that a node would give.
func (s *Service) choose(ctx context.Context, view registry.View, r *session.Rebalance, n *session.RebalanceNode) error {
	give := n.Give()
	r.Moves += give
	if give == 0 {
		return nil
	}
	holder, _ := view.Node(n.Node)
	now := s.Store.Now()
	sessions, err := s.sessionsOf(ctx, holder.Holder, give, func(is session.Session) bool { return movable(is, now) })
	if err != nil {
		return err
	}
	n.Movable = len(sessions)
	for _, is := range sessions {
		if len(r.Sessions) < session.RebalanceShown {
			r.Sessions = append(r.Sessions, session.RebalanceMove{Session: is.ID, From: n.Node})
		}
	}
	return nil
}
