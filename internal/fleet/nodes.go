package fleet

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"time"

	"orchestrator/internal/session"
)

// Nodes returns every registered node; one whose registration has ended is dead, and listed until it is declared so.
func (s *Service) Nodes(ctx context.Context) ([]session.Node, error) {
	view, err := s.Members.Refresh(ctx)
	if err != nil {
		return nil, err
	}
	return view.Nodes(), nil
}

// Node returns one node, or session.ErrNodeNotFound.
func (s *Service) Node(ctx context.Context, id session.NodeID) (session.Node, error) {
	view, err := s.Members.Refresh(ctx)
	if err != nil {
		return session.Node{}, err
	}
	n, ok := view.Node(id)
	if !ok {
		return session.Node{}, session.ErrNodeNotFound
	}
	return n, nil
}

// SetState cordons or uncordons any node.
func (s *Service) SetState(ctx context.Context, id session.NodeID, state session.NodeState) (session.Node, error) {
	n, err := s.Undertaker.SetState(ctx, id, state)
	if err == nil {
		_, err = s.Members.Refresh(ctx)
	}
	return n, err
}

// Assignments returns the sessions that a live node owns, each under its epoch. What an earlier incarnation of it owned is not its any
// more. A node that does not trust itself holds nothing: asked for its own assignments it answers session.ErrFenced.
func (s *Service) Assignments(ctx context.Context, id session.NodeID) ([]session.Assignment, error) {
	n, err := s.Node(ctx, id)
	if err != nil {
		return nil, err
	}
	if n.State == session.Dead || id == s.Members.Self().Node && !s.Members.Trusted() {
		return nil, session.ErrFenced
	}
	counts, err := s.Store.OwnedIn(ctx, id)
	if err != nil {
		return nil, err
	}
	var out []session.Assignment
	for partition := range counts {
		for after, more := session.ID(""), true; more; {
			ids, next, err := s.Store.Owned(ctx, partition, id, after, renewPage)
			if err != nil {
				return nil, err
			}
			after, more = next, next != ""
			page, err := s.Store.Sessions(ctx, ids)
			if err != nil {
				return nil, err
			}
			for _, is := range page {
				if is.Holder == n.Holder {
					out = append(out, session.Assignment{Session: is})
				}
			}
		}
	}
	if id == s.Members.Self().Node && !s.Members.Trusted() {
		return nil, session.ErrFenced
	}
	slices.SortFunc(out, func(a, b session.Assignment) int { return compareIDs(a.Session.ID, b.Session.ID) })
	return out, nil
}

func compareIDs(a, b session.ID) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Now is Redis's clock, as this node last heard it.
func (s *Service) Now() time.Time { return s.Store.Now() }

// Cluster sums up the fleet from its counts in Redis.
func (s *Service) Cluster(ctx context.Context) (session.ClusterMetrics, error) {
	nodes, err := s.Nodes(ctx)
	return session.ClusterMetrics{Nodes: nodes}, err
}

// Local returns what this node measured of itself. It asks Redis nothing.
func (s *Service) Local(context.Context) session.LocalMetrics {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	age, latency := s.Members.LastBeat()
	live := 0
	for _, n := range s.Members.View().Nodes() {
		if n.State != session.Dead {
			live++
		}
	}
	cached, hits, misses := s.Store.Cached()
	return session.LocalMetrics{
		CachedSessions: cached, CacheHits: hits, CacheMisses: misses,
		Node: s.Members.Self(), Uptime: time.Since(s.started), LocalSessions: int(s.held.Load()),
		Goroutines: runtime.NumGoroutine(), HeapBytes: mem.HeapAlloc, LastBeatAge: age, Trusted: s.Members.Trusted(),
		RedisLatency: latency, RedisMasters: s.Redis.Masters(), LiveNodes: live, LastSync: *s.lastSync.Load(),
	}
}

// Ready runs the readiness checks: is the registration young enough, does the work loop answer, has the node a picture of the fleet?
func (s *Service) Ready(ctx context.Context) []session.Check {
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	checks := []session.Check{{Name: "registered"}, {Name: "workloop", Err: s.Pulse(limited)}, {Name: "view"}}
	if !s.Members.Trusted() {
		checks[0].Err = session.ErrFenced
	}
	if s.Members.View().Age() > max(3*s.GossipInterval, s.HeartbeatTimeout) {
		checks[2].Err = errors.New("the view of the fleet is too old: redis does not answer")
	}
	return checks
}
