package fleet

import (
	"context"
	"errors"
	"fmt"

	"orchestrator/internal/balancer"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
)

const (
	recoverBatch    = 500 // sessions taken over in one go
	recoverPerRound = 64  // of each partition in one look
)

// recoverDead takes over the sessions of dead nodes that lie in this node's share of the partitions.
func (s *Service) recoverDead(ctx context.Context) error {
	if s.steady.look(s.Members.Trusted()) < s.HeartbeatTimeout {
		return nil
	}
	dead, err := s.Undertaker.Dead(ctx)
	if err != nil || len(dead) == 0 {
		return err
	}
	view, err := s.Members.Refresh(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, holder := range dead {
		errs = append(errs, s.recoverHolder(ctx, holder, view))
	}
	return errors.Join(errs...)
}

// recoverHolder takes over what a dead holder owned in this node's share. Partitions are reported as they are done; one that could
// not be finished is left for the next round.
func (s *Service) recoverHolder(ctx context.Context, dead session.Holder, view registry.View) error {
	todo := map[int]*registry.Tally{}
	for _, p := range s.share(view) {
		todo[p] = &registry.Tally{}
	}
	skipped := map[session.ID]bool{} // looked at and not to be taken: another owner's, or unreadable
	for len(todo) > 0 && ctx.Err() == nil {
		left, err := s.orphansOf(ctx, dead, todo, skipped)
		if err != nil {
			return err
		}
		if err := s.reportDone(ctx, dead, todo, left); err != nil {
			return err
		}
		if err := s.adoptBatches(ctx, dead, left, todo, view); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// orphansOf returns sessions in the partitions of todo that the dead holder still owns, some of each partition.
func (s *Service) orphansOf(ctx context.Context, dead session.Holder, todo map[int]*registry.Tally, skipped map[session.ID]bool) ([]session.Session, error) {
	partitions := make([]int, 0, len(todo))
	for p := range todo {
		partitions = append(partitions, p)
	}
	ids, err := s.Store.OwnedAmong(ctx, partitions, dead.Node, recoverPerRound+len(skipped))
	if err != nil {
		return nil, err
	}
	fresh := ids[:0]
	for _, id := range ids {
		if !skipped[id] {
			fresh = append(fresh, id)
		}
	}
	all, err := s.Store.Sessions(ctx, fresh)
	if err != nil {
		return nil, err
	}
	readable := map[session.ID]bool{}
	var orphans []session.Session
	for _, is := range all {
		readable[is.ID] = true
		if is.Holder == dead {
			orphans = append(orphans, is)
		} else {
			skipped[is.ID] = true
		}
	}
	for _, id := range fresh {
		if t := todo[s.Store.Partition(id)]; !readable[id] && t != nil {
			skipped[id] = true
			s.metrics.lost.Inc()
			t.Expected, t.Lost = t.Expected+1, t.Lost+1
			s.Log.Error("a dead node's session cannot be read and was left alone", "session", id, "node", dead.Node)
		}
	}
	return orphans, nil
}

// reportDone reports the partitions of todo that hold no orphan any more and takes them off todo.
func (s *Service) reportDone(ctx context.Context, dead session.Holder, todo map[int]*registry.Tally, left []session.Session) error {
	busy := map[int]bool{}
	for _, is := range left {
		busy[s.Store.Partition(is.ID)] = true
	}
	for p, tally := range todo {
		if busy[p] {
			continue
		}
		total, finished, err := s.Undertaker.Recovered(ctx, dead, p, s.Store.Partitions(), *tally)
		if err != nil {
			return err
		}
		delete(todo, p)
		if finished {
			s.noRoom.Delete(dead)
			s.metrics.recoveries.Inc()
			s.Log.Info(fmt.Sprintf("recovered %d, lost %d", total.Recovered, total.Lost), "node", dead.Node, "incarnation", dead.Incarnation,
				"expected", total.Expected, "recovered", total.Recovered, "lost", total.Lost)
		}
	}
	return nil
}

// adoptBatches gives orphans new owners, recoverBatch at a time, and counts them in their partitions' tallies.
func (s *Service) adoptBatches(ctx context.Context, dead session.Holder, orphans []session.Session, todo map[int]*registry.Tally, view registry.View) error {
	for len(orphans) > 0 {
		n := min(recoverBatch, len(orphans))
		results, err := s.adopt(ctx, orphans[:n], view)
		if err != nil {
			var full *session.NoCapacityError
			if _, said := s.noRoom.LoadOrStore(dead, true); errors.As(err, &full) && said {
				return nil // said before; tried again in the next round
			}
			return fmt.Errorf("sessions of dead node %s wait for room: %w", dead.Node, err)
		}
		for i, res := range results {
			tally := todo[s.Store.Partition(orphans[i].ID)]
			if err := count(tally, res.Err); err != nil {
				return err
			}
			if res.Err == nil {
				s.metrics.takeovers.Inc()
			}
		}
		orphans = orphans[n:]
	}
	return nil
}

// count notes one takeover's outcome. A session that another node took first is in that node's tally; one that was deleted is not
// missed. An error that leaves the outcome open is returned.
func count(t *registry.Tally, err error) error {
	var stale *session.StaleEpochError
	switch {
	case err == nil:
		t.Expected, t.Recovered = t.Expected+1, t.Recovered+1
	case errors.As(err, &stale), errors.Is(err, session.ErrNotFound):
	default:
		return err
	}
	return nil
}

// adopt places sessions anew and takes them over, each with its own outcome. It fails as a whole where not all find room: those
// that did are taken over nevertheless.
func (s *Service) adopt(ctx context.Context, orphans []session.Session, view registry.View) ([]session.Result, error) {
	attempts := make([]balancer.Attempt, len(orphans))
	byKey := map[string]session.Session{}
	for i, is := range orphans {
		attempts[i] = balancer.Attempt{Session: is.ID, Key: string(s.Store.NewOp())}
		byKey[attempts[i].Key] = is
	}
	placed, err := s.Placer.Reserve(ctx, balancer.Request{Attempts: attempts, Candidates: view.Nodes()})
	if len(placed) == 0 {
		return nil, err
	}
	found := make([]session.Session, len(placed))
	for i, p := range placed {
		found[i] = byKey[p.Key]
	}
	results := s.takeOver(ctx, found, placed)
	if err != nil {
		return nil, err
	}
	return results, nil
}
