package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"orchestrator/internal/balancer"
	"orchestrator/internal/guards"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
)

const (
	recoverBatch = 500 // sessions taken over in one go
	recoverPage  = 64  // of each partition in one look

	recoverLook = 2 * time.Second // for one look
)

// recoverDead takes over the sessions of dead nodes that lie in this node's share of the partitions.
func (s *Service) recoverDead(ctx context.Context) error {
	if !s.judges() {
		return nil
	}
	dead, err := s.Undertaker.Dead(ctx, s.steadyToJudge())
	if err != nil {
		return err
	}
	var errs failures
	errs.add(s.endRecoveries(ctx, dead))
	s.lookAtNextEnd()
	if len(dead) == 0 {
		return errs.joined()
	}
	view, err := s.Members.Refresh(ctx)
	if err != nil {
		return err
	}
	share := s.share(view)
	first := max(0, slices.Index(dead, s.nextDead))
	for i := range dead {
		errs.add(s.recoverHolder(ctx, dead[(first+i)%len(dead)], view, share))
		if ctx.Err() != nil { // the next look begins with the one that follows: one that takes long keeps none waiting
			s.nextDead = dead[(first+i+1)%len(dead)]
			break
		}
	}
	return errs.joined()
}

// lookAtNextEnd has the node look for the dead when the next registration ends, where that is before its next look in turn.
func (s *Service) lookAtNextEnd() {
	in, ok := nextEnd(s.Members.View(), s.Members.Self().Node)
	if ok && in < lookEvery(s.GossipInterval) {
		time.AfterFunc(in, s.Nudge)
	}
}

// lookEvery is how often a node looks for the dead.
func lookEvery(gossip time.Duration) time.Duration { return gossip / 4 }

// nextEnd is how long until the first of the others' registrations ends, as the view has it, unless that node beats again. False: none
// is going to. One that seems to have ended a moment ago counts too: a view that took its time to come makes ends look nearer than they are.
func nextEnd(view registry.View, self session.NodeID) (in time.Duration, ok bool) {
	for _, n := range view.Nodes() {
		left := n.ExpiresAt.Sub(view.Time()) - view.Age()
		if n.Node == self || n.State == session.Dead || left <= -lateView || ok && left >= in {
			continue
		}
		in, ok = left, true
	}
	if in <= 0 {
		return lateView / 5, ok
	}
	return in + endMargin, ok
}

const (
	// endMargin makes a look come after the end that it is for: Redis tells its time in whole milliseconds, and answers some time after it
	// was asked.
	endMargin = 2 * time.Millisecond
	// lateView is how long a view may take to come.
	lateView = 50 * time.Millisecond
)

// judges reports whether this node may hold others for dead: it has itself been heard without a break for as long as a registration
// lasts. Otherwise Redis, or the way there, may just have come back, and the others be a moment away from being heard again.
func (s *Service) judges() bool { return s.Members.Steady() >= s.steadyToJudge() }

// steadyToJudge is for how long a node must have been steady to hold others for dead.
func (s *Service) steadyToJudge() time.Duration {
	if !guards.Brake {
		return 0
	}
	return s.HeartbeatTimeout
}

// recoverHolder walks what a dead holder owned in this node's share, a page of every partition at a time, takes it over and reports
// each partition at its end. A partition of which something is open is left for the next walk. A walk without the time for all of it is gone on
// with at the next look.
func (s *Service) recoverHolder(ctx context.Context, dead session.Holder, view registry.View, share []int) error {
	r := s.recoveries.of(dead)
	w, silent := r.through(share), map[int]bool{}
	var errs failures
	for ctx.Err() == nil {
		asked := w.asks(silent)
		if len(asked) == 0 {
			break
		}
		pages, err := s.ownedPages(ctx, dead.Node, asked)
		errs.add(err)
		err = s.adoptPages(ctx, r, pages, view)
		if isFull(err) {
			r.walk = nil
			return r.hush(err)
		}
		errs.add(err)
		if ctx.Err() != nil {
			break
		}
		for p := range asked {
			page, ok := pages[p]
			switch {
			case !ok: // its master did not answer: the next look asks again
				silent[p] = true
			case len(page) == recoverPage:
				w.after[p] = page[len(page)-1]
			default:
				delete(w.after, p)
				errs.add(s.endPartition(ctx, r, p))
			}
		}
	}
	if ctx.Err() == nil {
		r.walk = nil // what did not answer in this look is asked by the next one, which begins a new walk
	}
	errs.add(ctx.Err())
	return errs.joined()
}

// endPartition reports a partition that a walk has gone through, unless something is open there.
func (s *Service) endPartition(ctx context.Context, r *recovery, partition int) error {
	if r.walk.open[partition] {
		return nil
	}
	if err := s.settleUnanswered(ctx, r, partition); err != nil {
		return err
	}
	return s.reportRecovered(ctx, r, partition)
}

// ownedPages are the next pages of partitions whose masters answer soon: the others must not take the time of what can be recovered.
func (s *Service) ownedPages(ctx context.Context, dead session.NodeID, after map[int]session.ID) (map[int][]session.ID, error) {
	limited, cancel := context.WithTimeout(ctx, recoverLook)
	defer cancel()
	return s.Store.OwnedPages(limited, dead, after, recoverPage)
}

// adoptPages takes over those of the pages' sessions that the dead holder owns. Partitions of which one is not decided, that is taken over,
// somebody else's, gone, or impossible to read, are noted as open; the error says why. One whose records cannot be reached keeps no others
// from their new owners: it is tried once before a walk has come to its end.
func (s *Service) adoptPages(ctx context.Context, r *recovery, pages map[int][]session.ID, view registry.View) error {
	returned := s.returned(ctx, r.dead, pages, view)
	var orphans []session.Session
	for partition, page := range pages {
		for _, id := range page {
			switch _, err := session.ParseID(string(id)); {
			case err != nil || s.Store.Partition(id) != partition || returned[id]:
			case r.walk.tried[id]:
				r.walk.open[partition] = true
			default:
				orphans = append(orphans, session.Session{ID: id, Holder: r.dead}) // at whatever epoch: the takeover reads the records
			}
		}
	}
	var errs failures
	for len(orphans) > 0 && ctx.Err() == nil {
		batch := orphans[:min(recoverBatch, len(orphans))]
		placed, results, err := s.adopt(ctx, r, batch, view)
		errs.add(err)
		for i, res := range results {
			r.attempted(placed[i], res)
			if err := s.noteAdopted(r, placed[i].Session, placed[i].Node, res); err != nil {
				errs.add(err)
				r.walk.tried[placed[i].Session] = true
				r.walk.open[s.Store.Partition(placed[i].Session)] = true
			}
		}
		if err != nil { // there is no room, or nobody who knows where some is
			break
		}
		orphans = orphans[len(batch):]
	}
	for _, is := range orphans {
		r.walk.open[s.Store.Partition(is.ID)] = true
	}
	return errs.joined()
}

// returned are those of the pages' sessions that belong to a later incarnation of the dead holder's node by now: what is owned is listed by
// node. Without them no room is asked for. Where that cannot be found out, the takeover does.
func (s *Service) returned(ctx context.Context, dead session.Holder, pages map[int][]session.ID, view registry.View) map[session.ID]bool {
	n, there := view.Node(dead.Node)
	if !there || n.Holder == dead || n.State == session.Dead {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, recoverLook)
	defer cancel()
	back := map[session.ID]bool{}
	for ids := range slices.Chunk(slices.Concat(slices.Collect(maps.Values(pages))...), recoverBatch) {
		found, _ := s.Store.Sessions(limited, ids)
		for _, is := range found {
			if is.Holder == n.Holder {
				back[is.ID] = true
			}
		}
	}
	return back
}

// noteAdopted counts the outcome of a takeover for a node; an error means that it is open. One that was applied counts, whatever has become of
// the session since.
func (s *Service) noteAdopted(r *recovery, id session.ID, to session.Holder, res session.Result) error {
	partition, err := s.Store.Partition(id), res.Err
	var corrupt *session.CorruptError
	switch {
	case res.Applied || err == nil:
		s.metrics.takeovers.Inc()
		err = nil
	case errors.As(err, &corrupt):
		if r.lose(partition, id) {
			s.metrics.lost.Inc()
			s.Log.Error("a dead node's session cannot be read and is left alone", "session", id, "owner", r.dead.Node, "error", err)
		}
		return nil
	}
	return r.count(partition, id, to, err)
}

// settleUnanswered counts those takeovers of a partition that took effect though nobody could say so. The dead holder owns nothing more there:
// no walk meets them again. By home's record alone: it says who owns a session, and a copy that is away holds up no report. One that went on to
// yet another owner since is missed, and one for which another node meant the same new owner may be counted by both.
func (s *Service) settleUnanswered(ctx context.Context, r *recovery, partition int) error {
	unanswered := r.unanswered[partition]
	if len(unanswered) == 0 {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, recoverLook)
	defer cancel()
	found, err := s.Store.Sessions(limited, slices.Collect(maps.Keys(unanswered)))
	if err != nil {
		return err
	}
	for _, is := range found {
		if !slices.Contains(unanswered[is.ID], is.Holder) {
			continue
		}
		if err := s.noteAdopted(r, is.ID, is.Holder, session.Result{Applied: true}); err != nil {
			return err
		}
	}
	delete(r.unanswered, partition)
	return nil
}

// endRecoveries forgets those whose holder is dead no more. A report that had no answer may be the one that ended its recovery, so it is made
// once more.
func (s *Service) endRecoveries(ctx context.Context, dead []session.Holder) error {
	for holder, r := range s.recoveries {
		if slices.Contains(dead, holder) {
			continue
		}
		for _, p := range r.untold() {
			if err := s.reportRecovered(ctx, r, p); err != nil {
				return err
			}
		}
		delete(s.recoveries, holder)
	}
	return nil
}

// reportRecovered reports one partition; the report that completes them all ends the recovery with one line.
func (s *Service) reportRecovered(ctx context.Context, r *recovery, partition int) error {
	for more := true; more; {
		word, t := r.report(partition, string(s.Store.NewOp()))
		total, finished, err := s.Undertaker.Recovered(ctx, r.dead, partition, s.Store.Partitions(), word, t)
		if err != nil {
			return err
		}
		more = r.answered(partition)
		if finished {
			s.metrics.recoveries.Inc()
			s.Log.Info(fmt.Sprintf("recovered %d, lost %d", total.Recovered, total.Lost), "dead", r.dead.Node, "incarnation", r.dead.Incarnation,
				"expected", total.Expected, "recovered", total.Recovered, "lost", total.Lost)
		}
	}
	return nil
}

// adopt takes sessions of a dead holder over: those that found room, each with where and with its own outcome; the error is about the others.
// One whose last takeover had no answer is tried again where it was to go.
func (s *Service) adopt(
	ctx context.Context, r *recovery, orphans []session.Session, view registry.View,
) (placed []balancer.Placed, results []session.Result, err error) {
	again, fresh, waiting := s.sorted(ctx, r, orphans, view)
	var found []session.Session
	if len(fresh) > 0 {
		found, placed, err = s.place(ctx, fresh, balancer.Request{Candidates: view.Nodes()})
	}
	for _, p := range again {
		found, placed = append(found, session.Session{ID: p.Session, Holder: r.dead}), append(placed, p)
	}
	if len(placed) > 0 {
		results = s.takeOver(ctx, session.WhyOwnerDead, found, placed)
	}
	for _, p := range waiting {
		placed, results = append(placed, p), append(results, session.Result{Err: errStillOpen})
	}
	return placed, results, err
}

// errStillOpen is the outcome of a takeover that an earlier one may still come before.
var errStillOpen error = &session.UnavailableError{Reason: "whether an earlier takeover was made is not known yet"}

// sorted parts sessions into those that have a place where they can still be taken over to, those that need one, and those whose place cannot
// be used any more and not be given up yet. So each session takes one place at the most, however often it is tried.
func (s *Service) sorted(
	ctx context.Context, r *recovery, orphans []session.Session, view registry.View,
) (again []balancer.Placed, fresh []session.Session, waiting []balancer.Placed) {
	now, late := s.Store.Now(), []session.ID(nil)
	for _, is := range orphans {
		switch p, begun := r.attempts[is.ID]; {
		case !begun:
			fresh = append(fresh, is)
		case !view.Live(p.Node) || !s.Members.View().Live(p.Node): // its own death settles that
			delete(r.attempts, is.ID)
			fresh = append(fresh, is)
		case now.Before(p.Until):
			again = append(again, p)
		case now.After(p.Until.Add(balancer.Slack)):
			late = append(late, is.ID)
		default:
			waiting = append(waiting, p)
		}
	}
	read, _ := s.resolved(ctx, late, map[int]bool{})
	for _, id := range late {
		p := r.attempts[id]
		is, known := read[id]
		if !known {
			waiting = append(waiting, p)
			continue
		}
		s.settler.add(balancer.Outcome{Key: p.Key, Session: id, Node: p.Node.Node, Kept: is.Holder != r.dead})
		delete(r.attempts, id)
		fresh = append(fresh, session.Session{ID: id, Holder: r.dead})
	}
	return again, fresh, waiting
}

// place reserves room for sessions that are to leave the node that they are counted on, and returns those that found it with where; the
// error is about the others.
func (s *Service) place(ctx context.Context, sessions []session.Session, req balancer.Request) (found []session.Session, placed []balancer.Placed, err error) {
	byKey := map[string]session.Session{}
	req.Attempts = make([]balancer.Attempt, len(sessions))
	for i, is := range sessions {
		req.Attempts[i] = balancer.Attempt{Session: is.ID, Key: string(s.Store.NewOp()), From: is.Owner()}
		byKey[req.Attempts[i].Key] = is
	}
	placed, err = s.Placer.Reserve(ctx, req)
	found = make([]session.Session, len(placed))
	for i, p := range placed {
		found[i] = byKey[p.Key]
	}
	return found, placed, err
}
