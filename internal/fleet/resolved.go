package fleet

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"orchestrator/internal/session"
)

const (
	resolveWidth = 64              // partitions whose sessions are resolved at the same time
	resolveLook  = 2 * time.Second // for one session: others are not to wait for a master that does not answer
)

// resolved reads sessions so that whatever was left half done with them is finished or ruled out, and returns those of which it is known: a zero
// session where there is none that can be read. Of a partition of which one cannot be reached no more is asked; it is noted in silent, and the
// error is about those.
func (s *Service) resolved(ctx context.Context, ids []session.ID, silent map[int]bool) (map[session.ID]session.Session, error) {
	byPartition := map[int][]session.ID{}
	for _, id := range ids {
		if p := s.Store.Partition(id); !silent[p] {
			byPartition[p] = append(byPartition[p], id)
		}
	}
	var mu sync.Mutex
	var errs failures
	known := map[session.ID]session.Session{}
	var g errgroup.Group
	g.SetLimit(resolveWidth)
	for p, ids := range byPartition {
		g.Go(func() error {
			for _, id := range ids {
				is, err := s.resolveOne(ctx, id)
				mu.Lock()
				if err == nil {
					known[id] = is
				} else {
					silent[p] = true
					errs.add(err)
				}
				mu.Unlock()
				if err != nil {
					break
				}
			}
			return nil
		})
	}
	_ = g.Wait()
	return known, errs.joined()
}

// resolveOne returns an error where the session cannot be reached.
func (s *Service) resolveOne(ctx context.Context, id session.ID) (session.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveLook)
	defer cancel()
	is, err := s.Store.Get(ctx, id, session.Linearizable)
	if err != nil && decided(err) {
		return session.Session{}, nil
	}
	return is, err
}
