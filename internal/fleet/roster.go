package fleet

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"orchestrator/internal/assignments"
	"orchestrator/internal/session"
)

// picture is what this node knows to own: what its followers were told, or will be once all of it is known.
type picture struct {
	holder session.Holder
	held   map[session.ID]session.Assignment
}

func (p picture) forget(ids []session.ID) {
	for _, id := range ids {
		delete(p.held, id)
	}
}

// leavers are the sessions that this node has begun to hand over since the assign job last looked. One that comes back is new to it
// again, under another epoch. It is safe for concurrent use.
type leavers struct {
	mu  sync.Mutex
	ids []session.ID
}

func (l *leavers) add(ids ...session.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids = append(l.ids, ids...)
}

func (l *leavers) take() []session.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := l.ids
	l.ids = nil
	return ids
}

// tellTrust lets followers know until when this node may act.
func (s *Service) tellTrust(context.Context) error {
	h, until := s.Members.Self().Holder, s.Members.TrustedUntil()
	if s.Members.Self().Holder == h { // one incarnation must not live on another's time
		s.Roster.Trust(h, until)
	}
	return nil
}

const (
	// followLimit is how long a follower waits for the first picture. A node that owns many sessions on a slow Redis may need more; what was
	// resolved until then is there for the next try.
	followLimit = 10 * time.Second
	// pictureKept is how long a picture that was not finished in time is kept for who may try again.
	pictureKept = time.Minute
)

// Follow opens a stream of what this node is to run, beginning with what it owns now. It returns session.ErrFenced while the node is not
// trusted, a *session.LimitError where too many follow already, and a *session.UnavailableError where it takes too long to read what it owns: try
// again then.
func (s *Service) Follow(ctx context.Context) (*assignments.Follower, error) {
	if err := s.tellTrust(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, followLimit)
	defer cancel()
	if err := s.drawing.take(ctx); err != nil {
		return nil, err
	}
	err := s.drawPicture(ctx)
	if s.tried = time.Now(); err == nil {
		s.tried = time.Time{} // the next follower is told what is so then
	}
	s.drawing.give()
	if err != nil {
		return nil, err
	}
	return s.Roster.Follow()
}

// tellAssigned ends doubts and, while anybody follows, tells what has changed.
func (s *Service) tellAssigned(ctx context.Context) error {
	if err := s.settleDoubts(ctx); err != nil {
		return err
	}
	if err := s.drawing.take(ctx); err != nil {
		return err
	}
	defer s.drawing.give()
	if s.Roster.Followed() {
		return s.drawPicture(ctx)
	}
	s.picture.forget(s.leaving.take())
	if time.Since(s.tried) > pictureKept {
		s.picture = picture{}
	}
	return nil
}

// drawPicture compares what home says this node owns with what its followers were told. A session that is new to it is resolved first: a
// home that was rolled back may still show what has another owner by now. What was resolved stays so where the time is too short for all. The
// caller has the turn to draw.
func (s *Service) drawPicture(ctx context.Context) error {
	if !s.Members.Trusted() {
		return nil
	}
	s.picture.forget(s.leaving.take())
	began, self := s.Roster.Begin(), s.Members.Self().Holder
	if err := s.readPicture(ctx, self); err != nil {
		s.Roster.Abandon(began)
		return err // a part is no picture
	}
	list := make([]session.Assignment, 0, len(s.picture.held))
	for _, as := range s.picture.held {
		list = append(list, as)
	}
	s.Roster.Sync(began, self, list)
	return nil
}

// readPicture makes the picture that of what home says self owns. Where it fails the picture lacks some of that.
func (s *Service) readPicture(ctx context.Context, self session.Holder) error {
	ids, err := s.ownedIDs(ctx, self.Node)
	if err != nil {
		return err
	}
	next := picture{holder: self, held: make(map[session.ID]session.Assignment, len(ids))}
	var fresh []session.ID
	for _, id := range ids {
		if as, known := s.picture.held[id]; known && s.picture.holder == self {
			next.held[id] = as
		} else {
			fresh = append(fresh, id)
		}
	}
	err = s.resolveInto(ctx, next, fresh)
	s.picture = next
	return err
}

// resolveLimit is how many sessions are resolved at a time.
const resolveLimit = 16

// resolveInto adds those of the sessions to the picture that its holder owns.
func (s *Service) resolveInto(ctx context.Context, p picture, ids []session.ID) error {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(resolveLimit)
	for _, id := range ids {
		g.Go(func() error {
			is, err := s.Store.Get(ctx, id, session.Linearizable)
			if err != nil {
				if decided(err) {
					err = nil // gone, or impossible to read: nobody can run it
				}
				return err
			}
			if is.Holder == p.holder {
				mu.Lock()
				defer mu.Unlock()
				p.held[id] = session.Assignment{Session: is}
			}
			return nil
		})
	}
	return g.Wait()
}

// ownedIDs returns all ids that home lists for a node.
func (s *Service) ownedIDs(ctx context.Context, node session.NodeID) ([]session.ID, error) {
	after := make(map[int]session.ID, s.Store.Partitions())
	for p := range s.Store.Partitions() {
		after[p] = ""
	}
	var ids []session.ID
	for len(after) > 0 {
		pages, err := s.Store.OwnedPages(ctx, node, after, renewPage)
		if err != nil {
			return nil, err
		}
		for p := range after {
			page, ok := pages[p]
			if !ok {
				return nil, errors.New("a partition's page is missing")
			}
			ids = append(ids, page...)
			delete(after, p)
			if len(page) == renewPage {
				after[p] = page[len(page)-1]
			}
		}
	}
	return ids, nil
}
