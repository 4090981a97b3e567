package fleet

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"orchestrator/internal/balancer"
	"orchestrator/internal/session"
)

// doubts are sessions whose move was begun and never answered, with the time after which it can no longer be made. It is safe for
// concurrent use.
type doubts struct {
	mu    sync.Mutex
	until map[session.ID]time.Time
}

// add notes a doubt. Of two about one session the later end counts.
func (d *doubts) add(id session.ID, until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.until == nil {
		d.until = map[session.ID]time.Time{}
	}
	if former, known := d.until[id]; !known || until.After(former) {
		d.until[id] = until
	}
}

// take returns the doubts about these sessions, and forgets them: they are the caller's, who is about to move the sessions once more.
func (d *doubts) take(ids []session.ID) map[session.ID]time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := map[session.ID]time.Time{}
	for _, id := range ids {
		if until, known := d.until[id]; known {
			taken[id] = until
			delete(d.until, id)
		}
	}
	return taken
}

// ripe returns the doubts about moves that can no longer be made at now.
func (d *doubts) ripe(now time.Time) map[session.ID]time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	over := map[session.ID]time.Time{}
	for id, until := range d.until {
		if now.After(until.Add(balancer.Slack)) {
			over[id] = until
		}
	}
	return over
}

// end forgets a doubt and tells of it, in one step: nobody who moves the session again comes between. One that was taken, or became
// another, is not told of.
func (d *doubts) end(id session.ID, until time.Time, tell func(...session.ID)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now, known := d.until[id]; known && now.Equal(until) {
		delete(d.until, id)
		tell(id)
	}
}

// settleDoubts ends the doubts that can be ended: nothing that is on its way can still move the session, and a linearizable read
// finishes a move that is half done or rules it out. From then on home tells who owns it.
func (s *Service) settleDoubts(ctx context.Context) error {
	ripe := s.doubts.ripe(s.Store.Now())
	read, err := s.resolved(ctx, slices.Collect(maps.Keys(ripe)), map[int]bool{})
	for id := range read {
		s.leaving.add(id) // a picture that was drawn before may be of another epoch
		s.doubts.end(id, ripe[id], s.Roster.Moved)
	}
	return err
}
