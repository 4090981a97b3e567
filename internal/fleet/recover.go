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
	recoverBatch = 500 // sessions taken over in one go
	recoverPage  = 64  // of each partition in one look
)

// recoverDead takes over the sessions of dead nodes that lie in this node's share of the partitions.
func (s *Service) recoverDead(ctx context.Context) error {
	if s.Members.Steady() < s.HeartbeatTimeout {
		return nil
	}
	dead, err := s.Undertaker.Dead(ctx)
	if err != nil {
		return err
	}
	s.recoveries.keep(dead)
	if len(dead) == 0 {
		return nil
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

// recoverHolder walks what a dead holder owned in this node's share, a page of every partition at a time, takes it over and reports
// each partition at its end. A partition that could not be walked to its end is left for the next round.
func (s *Service) recoverHolder(ctx context.Context, dead session.Holder, view registry.View) error {
	r := s.recoveries.of(dead)
	after := map[int]session.ID{}
	for _, p := range s.share(view) {
		after[p] = ""
	}
	var failed error
	for len(after) > 0 && ctx.Err() == nil {
		pages, err := s.Store.OwnedPages(ctx, dead.Node, after, recoverPage)
		if err != nil {
			failed = err
		}
		if err := s.adoptPages(ctx, r, pages, view); err != nil {
			return r.hush(err)
		}
		for p := range after {
			page, ok := pages[p]
			switch {
			case !ok: // its master did not answer
				delete(after, p)
			case len(page) == recoverPage:
				after[p] = page[len(page)-1]
			default:
				delete(after, p)
				if err := s.reportRecovered(ctx, r, p); err != nil {
					return err
				}
			}
		}
	}
	return errors.Join(failed, ctx.Err())
}

// adoptPages takes over those of the pages' sessions that the dead holder owns. It returns an error unless every one of them is
// decided: taken over, somebody else's, gone, or impossible to read.
func (s *Service) adoptPages(ctx context.Context, r *recovery, pages map[int][]session.ID, view registry.View) error {
	var ids []session.ID
	for _, page := range pages {
		ids = append(ids, page...)
	}
	if len(ids) == 0 {
		return nil
	}
	orphans, err := s.orphansAmong(ctx, r, ids)
	if err != nil {
		return err
	}
	for len(orphans) > 0 {
		n := min(recoverBatch, len(orphans))
		found, results, err := s.adopt(ctx, orphans[:n], view)
		for i, res := range results {
			err = errors.Join(err, r.count(s.Store.Partition(found[i].ID), res.Err))
			if res.Err == nil {
				s.metrics.takeovers.Inc()
			}
		}
		if err != nil {
			return err
		}
		orphans = orphans[n:]
	}
	return nil
}

// orphansAmong returns the sessions among ids that the dead holder owns. One that home does not show is looked at closer: its
// home may be gone and its copy not.
func (s *Service) orphansAmong(ctx context.Context, r *recovery, ids []session.ID) ([]session.Session, error) {
	all, err := s.Store.Sessions(ctx, ids)
	if err != nil {
		return nil, err
	}
	shown := map[session.ID]bool{}
	for _, is := range all {
		shown[is.ID] = true
	}
	for _, id := range ids {
		if shown[id] {
			continue
		}
		is, err := s.Store.Get(ctx, id, session.Linearizable)
		var corrupt *session.CorruptError
		switch {
		case err == nil:
			all = append(all, is)
		case errors.Is(err, session.ErrNotFound):
		case errors.As(err, &corrupt):
			if r.lose(s.Store.Partition(id), id) {
				s.metrics.lost.Inc()
				s.Log.Error("a dead node's session cannot be read and is left alone", "session", id, "owner", r.dead.Node, "error", err)
			}
		default:
			return nil, err
		}
	}
	orphans := all[:0]
	for _, is := range all {
		if is.Holder == r.dead {
			orphans = append(orphans, is)
		}
	}
	return orphans, nil
}

// reportRecovered reports one partition; the report that completes them all ends the recovery with one line.
func (s *Service) reportRecovered(ctx context.Context, r *recovery, partition int) error {
	total, finished, err := s.Undertaker.Recovered(ctx, r.dead, partition, s.Store.Partitions(), r.tally(partition).Tally)
	if err != nil {
		return err
	}
	r.reported(partition)
	if finished {
		s.metrics.recoveries.Inc()
		s.Log.Info(fmt.Sprintf("recovered %d, lost %d", total.Recovered, total.Lost), "dead", r.dead.Node, "incarnation", r.dead.Incarnation,
			"expected", total.Expected, "recovered", total.Recovered, "lost", total.Lost)
	}
	return nil
}

// adopt places sessions anew and takes those over that found room, each with its own outcome; the error is about the others.
func (s *Service) adopt(ctx context.Context, orphans []session.Session, view registry.View) (found []session.Session, results []session.Result, err error) {
	attempts := make([]balancer.Attempt, len(orphans))
	byKey := map[string]session.Session{}
	for i, is := range orphans {
		attempts[i] = balancer.Attempt{Session: is.ID, Key: string(s.Store.NewOp()), From: is.Owner()}
		byKey[attempts[i].Key] = is
	}
	placed, err := s.Placer.Reserve(ctx, balancer.Request{Attempts: attempts, Candidates: view.Nodes()})
	found = make([]session.Session, len(placed))
	for i, p := range placed {
		found[i] = byKey[p.Key]
	}
	if len(placed) == 0 {
		return nil, nil, err
	}
	return found, s.takeOver(ctx, found, placed), err
}
