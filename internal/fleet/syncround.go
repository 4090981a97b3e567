package fleet

import (
	"context"
	"errors"
	"time"

	"orchestrator/internal/balancer"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
)

// syncRound mends what differs between the records of the sessions in this node's share of the partitions, gives sessions whose owner
// is gone another one, and sets the live counts right. In a healthy fleet it finds nothing. A round that has no time for all partitions leaves
// off in time to set the counts right, and the next one goes on from there.
func (s *Service) syncRound(ctx context.Context) error {
	if !s.Members.Trusted() {
		return nil
	}
	start := time.Now()
	view, err := s.Members.Refresh(ctx)
	if err != nil {
		return err
	}
	var report session.SyncReport
	var errs failures
	share := startingAfter(s.share(view), s.audited)
	for i, p := range share {
		if mostOfItsTime(ctx, start) {
			s.Log.Warn("a sync round has no time for all partitions: the next one goes on from there", "partitions", i, "of", len(share))
			break
		}
		part, err := s.syncPartition(ctx, p, view)
		add(&report, part)
		errs.add(err)
		if ctx.Err() != nil {
			break
		}
		s.audited = p
	}
	report.CountsCorrected, err = s.correctCounts(ctx, view)
	errs.add(err)
	mended, err := s.verify(ctx)
	add(&report, mended)
	errs.add(err)
	report.Took = time.Since(start)
	s.lastSync.Store(&report)
	s.metrics.synced(report)
	return errs.joined()
}

// mostOfItsTime reports whether three quarters of the time between start and the end of ctx are over.
func mostOfItsTime(ctx context.Context, start time.Time) bool {
	end, limited := ctx.Deadline()
	return limited && time.Since(start) > 3*time.Until(end)
}

func (s *Service) syncPartition(ctx context.Context, partition int, view registry.View) (session.SyncReport, error) {
	var orphans []session.Session
	report, err := s.Store.Audit(ctx, partition, nodeIDs(view), func(is session.Session) {
		if !view.Live(is.Holder) {
			orphans = append(orphans, is)
		}
	})
	if err != nil || len(orphans) == 0 {
		return report, err
	}
	report.Orphans, err = s.adoptOrphans(ctx, orphans)
	return report, err
}

func nodeIDs(view registry.View) []session.NodeID {
	nodes := view.Nodes()
	ids := make([]session.NodeID, len(nodes))
	for i, n := range nodes {
		ids[i] = n.Node
	}
	return ids
}

// adoptOrphans gives sessions another owner whose present one is neither alive nor being recovered: what a Redis that was rolled back,
// or a record that was restored, leaves behind, and a session that came to a node while it died. A lease is respected unless its holder's
// death is certified, so a holder that is merely unknown to this node keeps its sessions.
func (s *Service) adoptOrphans(ctx context.Context, orphans []session.Session) (adopted int, err error) {
	if !s.judges() {
		return 0, nil
	}
	dead, err := s.Undertaker.Dead(ctx, s.steadyToJudge())
	if err != nil {
		return 0, err
	}
	recovering := map[session.Holder]bool{}
	for _, h := range dead {
		recovering[h] = true
	}
	view, err := s.Members.Refresh(ctx)
	if err != nil {
		return 0, err
	}
	for _, is := range orphans {
		if n, registered := view.Node(is.Owner()); recovering[is.Holder] || registered && n.Holder == is.Holder {
			continue // its own recovery, its beats, or the look that ends its registration will decide
		}
		ok, err := s.adoptFreeLease(ctx, is, view)
		if ok {
			adopted++
		}
		if err != nil && (!decided(err) || isFull(err)) {
			return adopted, err
		}
		if err != nil {
			s.Log.Warn("a session without a live owner cannot be given to another node", "session", is.ID, "error", err)
		}
	}
	return adopted, nil
}

func isFull(err error) bool {
	var full *session.NoCapacityError
	return errors.As(err, &full)
}

// adoptFreeLease takes a session over if nobody holds its lease, or nobody who can still come back.
func (s *Service) adoptFreeLease(ctx context.Context, is session.Session, view registry.View) (bool, error) {
	certified, err := s.Undertaker.Certified(ctx, is.Holder)
	if err != nil {
		return false, err
	}
	attempt := balancer.Attempt{Session: is.ID, Key: string(s.Store.NewOp()), From: is.Owner()}
	placed, err := s.Placer.Reserve(ctx, balancer.Request{Attempts: []balancer.Attempt{attempt}, Candidates: view.Nodes()})
	if err != nil {
		return false, err
	}
	if certified {
		_, err = s.seize(ctx, session.WhyOwnerDead, is, placed[0])
	} else {
		err = s.takeFree(ctx, session.WhyOrphan, is, placed[0])
	}
	var held *session.HeldError
	switch {
	case err == nil:
		s.Log.Info("gave a session without a live owner to another node", "session", is.ID, "from", is.Owner(), "to", placed[0].Node.Node)
		return true, nil
	case errors.As(err, &held), decided(err):
		return false, nil
	}
	return false, err
}

// takeFree takes the lease that nobody holds, and the session over.
func (s *Service) takeFree(ctx context.Context, why session.Reason, is session.Session, to balancer.Placed) error {
	l, err := s.Leases.Take(ctx, is.ID, to.Node, is.Stamp.Epoch+1)
	if err != nil {
		s.giveBack(to)
		return err
	}
	res := s.takeOver(ctx, why, []session.Session{is}, []balancer.Placed{to})[0]
	if res.Err != nil {
		_ = l.Release(ctx)
	}
	return res.Err
}

// verify looks whether what was acknowledged is still there. The loss of all of a session's records at once is not prevented; it is told.
func (s *Service) verify(ctx context.Context) (session.SyncReport, error) {
	lost, mended, err := s.Store.Verify(ctx)
	for i, id := range lost {
		if i == verifyTold {
			s.Log.Error("acknowledged changes are gone: and more sessions were rolled back", "sessions", len(lost))
			break
		}
		s.Log.Error("acknowledged changes are gone: every record of the session was rolled back, or of a fast one the first copy before home had them", "session", id)
	}
	s.metrics.rolledBack.Add(float64(len(lost)))
	return mended, err
}

// verifyTold is how many sessions one round names.
const verifyTold = 10

func add(to *session.SyncReport, r session.SyncReport) {
	to.Records += r.Records
	to.CopiesRepaired += r.CopiesRepaired
	to.HomesRestored += r.HomesRestored
	to.CopiesMoved += r.CopiesMoved
	to.IndexRepaired += r.IndexRepaired
	to.Expired += r.Expired
	to.Orphans += r.Orphans
	to.TombstonesCollected += r.TombstonesCollected
	to.Unreadable += r.Unreadable
	to.RolledBack += r.RolledBack
	to.SharedMaster += r.SharedMaster
}
