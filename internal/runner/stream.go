package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Why everything is let go.
var (
	errEnded  = errors.New("the stream has ended")
	errTold   = errors.New("the node has ended the stream")
	errLapsed = errors.New("the node has not vouched for its sessions in time")
)

// stream is one connection to the node, and all that the node assigned over it.
type stream struct {
	*Runner
	nodeID   string
	holding  context.Context // while what was assigned may be believed
	drop     context.CancelCauseFunc
	closing  <-chan struct{} // the runner ends
	validity validity
	acks     chan ack

	mu      sync.Mutex
	watcher string
	until   time.Time
	lapse   *time.Timer
	grants  map[string]*grant
	closed  bool // nothing is taken any more
	work    sync.WaitGroup
}

// follow follows the node until the stream ends, for whatever reason, or ctx does. It returns when nothing is held any more. greeted: the node
// has begun to tell.
func (r *Runner) follow(ctx context.Context, id Identity) (greeted bool, err error) {
	line, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	s := &stream{Runner: r, nodeID: id.Node, closing: ctx.Done(), acks: make(chan ack), grants: map[string]*grant{}}
	s.holding, s.drop = context.WithCancelCause(line)
	s.lapse = time.AfterFunc(time.Hour, func() { s.drop(errLapsed) })
	s.lapse.Stop()
	var helpers sync.WaitGroup
	helpers.Go(s.acknowledges)
	helpers.Go(func() { // what is held is dropped first, and the line closed then: that is how the node knows
		select {
		case <-ctx.Done():
			s.shut()
		case <-s.holding.Done():
		}
		s.settle()
		hangUp()
	})
	err = r.node.Follow(line, id.Node, s.take)
	s.drop(errors.Join(errEnded, err))
	s.settle()
	s.lapse.Stop()
	helpers.Wait()
	if ctx.Err() != nil {
		return s.watcher != "", nil
	}
	return s.watcher != "", context.Cause(s.holding)
}

// shut ends every grant in order.
func (s *stream) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, g := range s.grants {
		g.shut()
	}
}

// settle returns when nothing is held any more.
func (s *stream) settle() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.work.Wait()
}

// take takes an event in, as it comes.
func (s *stream) take(ev Event) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.holding.Err() != nil:
		return
	case ev.Kind != Snapshot && !now.Before(s.until): // this process was stopped, or the timer is late
		s.drop(errLapsed)
		return
	}
	switch ev.Kind {
	case Snapshot:
		s.watcher = ev.Watcher
		s.vouch(now, ev.Until)
		s.assign(ev.Assignments)
		s.cfg.Log.Info("follows the node", "node", s.nodeID, "assigned", len(ev.Assignments), "ours", len(s.grants))
	case Assigned:
		s.assign(ev.Assignments)
	case Valid:
		s.vouch(now, ev.Until)
	case Revoked:
		s.revoke(now, ev)
	case End:
		s.drop(fmt.Errorf("%w: %s", errTold, ev.Reason))
	}
}

// vouch puts the end of validity off.
func (s *stream) vouch(now, until time.Time) {
	s.until = local(now, until)
	s.validity.set(limitsOf(now, s.until, s.cfg.Grace))
	s.lapse.Reset(s.until.Sub(now))
}

func (s *stream) assign(all []Session) {
	for _, session := range all {
		former := s.grants[session.ID]
		if !slices.Contains(s.cfg.Types, session.Type) || s.closed || former != nil && !former.wasRevoked() && former.epoch == session.Epoch {
			continue
		}
		g := newGrant(s, session, former)
		s.grants[session.ID] = g
		s.work.Go(g.run)
	}
}

// revoke lets a session go; one that is not held is acknowledged at once.
func (s *stream) revoke(now time.Time, ev Event) {
	g := s.grants[ev.ID]
	if g == nil || g.epoch != ev.Epoch {
		go s.acknowledge(Released{ev.ID, ev.Epoch}) // ends with the stream
		return
	}
	if !g.wasRevoked() {
		g.log.Info("the node takes the session back", "deadline", ev.Deadline)
		g.revoke(now, local(now, ev.Deadline))
	}
}

// over forgets a grant that has ended.
func (s *stream) over(g *grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grants[g.session.ID] == g {
		delete(s.grants, g.session.ID)
	}
}
