package fleet

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"orchestrator/internal/session"
)

const (
	sweepWidth = 64              // partitions at the same time
	sweepLook  = 2 * time.Second // for one session: others are not to wait for a master that does not answer
)

// sweep does something with each of the sessions, one after the other in a partition, and in many partitions at the same time. An error of do
// means that a session cannot be reached: no more is done in its partition, which is noted in silent, and the error is about those.
func (s *Service) sweep(ctx context.Context, ids []session.ID, silent map[int]bool, do func(ctx context.Context, id session.ID) error) error {
	byPartition := map[int][]session.ID{}
	for _, id := range ids {
		if p := s.Store.Partition(id); !silent[p] {
			byPartition[p] = append(byPartition[p], id)
		}
	}
	var mu sync.Mutex // guards what follows
	var errs failures
	var g errgroup.Group
	g.SetLimit(sweepWidth)
	for p, ids := range byPartition {
		g.Go(func() error {
			for _, id := range ids {
				limited, cancel := context.WithTimeout(ctx, sweepLook)
				err := do(limited, id)
				cancel()
				if err != nil {
					mu.Lock()
					defer mu.Unlock()
					silent[p] = true
					errs.add(err)
					return nil
				}
			}
			return nil
		})
	}
	_ = g.Wait()
	return errs.joined()
}

// resolved reads sessions so that whatever was left half done with them is finished or ruled out, and returns those of which it is known: a zero
// session where there is none that can be read.
func (s *Service) resolved(ctx context.Context, ids []session.ID, silent map[int]bool) (known map[session.ID]session.Session, err error) {
	var mu sync.Mutex
	known = map[session.ID]session.Session{}
	err = s.sweep(ctx, ids, silent, func(ctx context.Context, id session.ID) error {
		is, err := s.Store.Get(ctx, id, session.Linearizable)
		switch {
		case err != nil && !decided(err):
			return err
		case err != nil:
			is = session.Session{}
		}
		mu.Lock()
		defer mu.Unlock()
		known[id] = is
		return nil
	})
	return known, err
}
