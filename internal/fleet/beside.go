package fleet

import (
	"context"
	"sync"

	"orchestrator/internal/groupcommit"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// Publish adds messages to a session's, whoever owns it, and wakes who follows them on this node. What comes for one session while others'
// messages are added goes together.
func (s *Service) Publish(ctx context.Context, id session.ID, p session.Publication) ([]session.Message, error) {
	one := &sessionstore.Publishing{Publication: p}
	if err := s.publishes.Do(ctx, id, one); err != nil {
		return nil, err
	}
	if one.Err == nil {
		s.published.wake(id)
	}
	return one.Made, one.Err
}

// publishes are the publications to each session that are served together where they come at once.
type publishes = groupcommit.ByKey[session.ID, *sessionstore.Publishing]

func newPublishes(s *Service) *publishes {
	return groupcommit.NewByKey(publishMost, heft, s.publishTogether)
}

// What one change publishes at the most, unless a publication has more by itself.
const (
	publishMost  = 256 << 10 // bytes of data
	publishCount = 16        // publications
)

// heft is what a publication takes of publishMost: so that neither bytes, nor messages, nor publications become too many.
func heft(p *sessionstore.Publishing) int {
	bytes := 0
	for _, m := range p.Messages {
		bytes += len(m.Data)
	}
	return max(bytes, len(p.Messages)*publishMost/session.MaxPublished, publishMost/publishCount)
}

// publishTogether publishes what came for one session at the same time, as one change: changes of their own would be in one another's way.
func (s *Service) publishTogether(ctx context.Context, id session.ID, group []*sessionstore.Publishing) {
	s.Store.Publish(ctx, id, s.Store.NewOp(), group...)
}

// Messages returns the next messages of a session that a query selects.
func (s *Service) Messages(ctx context.Context, id session.ID, q session.MessageQuery, c session.Consistency) (session.MessagePage, error) {
	return s.Store.Messages(ctx, id, q, c)
}

// Published returns a channel that tells when messages of a session are published through this node; end gives it up. It is a wake-up alone:
// what is published through other nodes is found by looking.
func (s *Service) Published(id session.ID) (wake <-chan struct{}, end func()) {
	return s.published.watch(id)
}

// Context returns a session's context.
func (s *Service) Context(ctx context.Context, id session.ID, c session.Consistency) (session.Context, error) {
	return s.Store.Context(ctx, id, c)
}

// PutContext writes a session's context under a condition, whoever owns the session. made is whether there was none.
func (s *Service) PutContext(ctx context.Context, id session.ID, c session.Context, cond session.Condition) (stamp session.Stamp, made bool, err error) {
	return s.Store.PutContext(ctx, id, s.Store.NewOp(), c, cond)
}

// DropContext removes a session's context under a condition.
func (s *Service) DropContext(ctx context.Context, id session.ID, cond session.Condition) error {
	return s.Store.DropContext(ctx, id, s.Store.NewOp(), cond)
}

// watchers are those who wait for messages of sessions. The zero value is ready.
type watchers struct {
	mu  sync.Mutex
	all map[session.ID]map[chan struct{}]bool
}

func (w *watchers) watch(id session.ID) (<-chan struct{}, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[session.ID]map[chan struct{}]bool{}
	}
	if w.all[id] == nil {
		w.all[id] = map[chan struct{}]bool{}
	}
	wake := make(chan struct{}, 1)
	w.all[id][wake] = true
	return wake, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if delete(w.all[id], wake); len(w.all[id]) == 0 {
			delete(w.all, id)
		}
	}
}

func (w *watchers) wake(id session.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for wake := range w.all[id] {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}
