package fleet

import "context"

// lookAround looks at which Redis master serves which slot, and at what the others think of this node.
func (s *Service) lookAround(ctx context.Context) error {
	s.noteQuarantine()
	return s.Redis.Refresh(ctx)
}

// noteQuarantine says, once each time it changes, that this node's peers hold that it cannot serve. It is not made unready for that: whoever
// balances load asks for himself.
func (s *Service) noteQuarantine() {
	n, _ := s.Members.View().Node(s.Members.Self().Node)
	if n.Quarantine == s.quarantine {
		return
	}
	s.quarantine = n.Quarantine
	if n.Quarantine == "" {
		s.metrics.quarantined.Set(0)
		s.Log.Info("in quarantine no longer: most peers find that this node serves")
		return
	}
	s.metrics.quarantined.Set(1)
	s.Log.Warn("in quarantine: this node gets no new sessions, for most of its peers cannot reach it where it says it is", "peers", n.Quarantine)
}
