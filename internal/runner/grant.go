package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// LabelHeld is the label of a session that comes from another fleet, while it may still run there: it is not started before it is gone.
const LabelHeld = "moving-from"

// heldLook is how often a session that is held is looked at.
const heldLook = 500 * time.Millisecond

// The labels that the runner writes.
const (
	LabelExit  = "runner.exit"  // exit code of the last attempt, 128 and the signal's number where a signal ended it
	LabelAfter = "runner.after" // id of the last input that the command has read
)

const (
	callTime   = 10 * time.Second // for one answer
	finishTime = 2 * time.Second  // for the work after a child's end, where the runner ends
)

// Statuses as the API has them.
const (
	active    = "active"
	completed = "completed"
	failed    = "failed"
)

// grant is one session under one epoch.
type grant struct {
	*Runner
	lease   Lease
	session Session
	epoch   uint64
	log     *slog.Logger

	holds context.Context // while the session is held: its end is the child's
	lose  context.CancelCauseFunc
	going context.Context // while it is meant to run: ends before holds where there is time to end in order
	stop  context.CancelFunc
	life  context.Context // while anything may be done for it: the work after the child's end included
	end   context.CancelFunc

	pos      position
	recorded string // what LabelAfter is
	status   string
	length   time.Duration // the longest time ahead that the node has vouched for
}

// grant is the whole life of one. closing ends when the runner does.
func (r *Runner) grant(closing context.Context, l Lease) {
	s := l.Session()
	if !slices.Contains(r.cfg.Types, s.Type) {
		return
	}
	g := &grant{Runner: r, lease: l, session: s, epoch: s.Epoch, log: r.cfg.Log.With("session", s.ID, "epoch", s.Epoch)}
	g.holds, g.lose = context.WithCancelCause(l.Context())
	defer g.lose(errOver)
	g.going, g.stop = context.WithCancel(g.holds)
	g.life, g.end = context.WithCancel(g.holds)
	var watch sync.WaitGroup
	watch.Go(func() { g.watch(closing) })
	defer watch.Wait()
	defer g.stop()
	if g.free() && g.enter() {
		g.runs()
		g.leave()
	}
}

// watch ends in order what is revoked, or whose runner ends.
func (g *grant) watch(closing context.Context) {
	defer g.stop()
	select {
	case <-g.lease.Revoked():
		g.within(g.settleTime())
	case <-closing.Done():
		g.within(g.cfg.ShutdownGrace + finishTime)
	case <-g.going.Done():
	}
}

// within ends all that is done for the session in time.
func (g *grant) within(d time.Duration) { time.AfterFunc(d, g.end) }

// settleTime is how much time there is for all that comes before a revoked session is let go.
func (g *grant) settleTime() time.Duration {
	now, deadline := time.Now(), g.lease.Deadline()
	g.log.Info("the node takes the session back", "within", deadline.Sub(now))
	return settleBy(now, deadline).Sub(now)
}

func (g *grant) wasRevoked() bool {
	select {
	case <-g.lease.Revoked():
		return true
	default:
		return false
	}
}

// killBy returns when a child that is told to end now must be killed.
func (g *grant) killBy(now time.Time) time.Time {
	if g.wasRevoked() {
		return killBy(now, g.lease.Deadline(), g.cfg.Grace)
	}
	return now.Add(g.cfg.ShutdownGrace)
}

// free waits until a session that comes from another fleet may be run here.
func (g *grant) free() bool {
	for now, told := g.session, false; ; told = true {
		whence, held := now.Labels[LabelHeld]
		if !held {
			return g.going.Err() == nil
		}
		if !told {
			g.log.Info("the session comes from another fleet, and is not started before that has let it go", "from", whence)
		}
		if !wait(g.going, heldLook) {
			return false
		}
		err := g.insist("look whether the session may be run", func(ctx context.Context) (err error) {
			now, err = g.sessions.Get(ctx, g.session.ID)
			return err
		})
		if err != nil {
			return false
		}
	}
}

// enter waits for room.
func (g *grant) enter() bool {
	if g.room == nil {
		return g.going.Err() == nil
	}
	select {
	case g.room <- struct{}{}:
		return true
	default:
		g.log.Info("waits for room", "maxChildren", cap(g.room))
	}
	select {
	case g.room <- struct{}{}:
		return true
	case <-g.going.Done():
		return false
	}
}

func (g *grant) leave() {
	if g.room != nil {
		<-g.room
	}
}

// runs starts the command until the policy says that it was the last time.
func (g *grant) runs() {
	if !g.prepare() {
		return
	}
	failures := 0
	pause := backoff{first: g.cfg.FirstPause, most: g.cfg.LongestPause}
	for first := true; g.ahead() && (first || g.stillActive()); first = false {
		began := time.Now()
		out := g.attempt()
		if g.holds.Err() != nil {
			return
		}
		if g.told(out) {
			g.report("let go", Report{Labels: labelled(out.after)})
			continue
		}
		if time.Since(began) >= g.cfg.LongestPause {
			failures = 0
			pause.reset()
		}
		if failures++; !out.failed() {
			failures = 0
		}
		status := verdict(g.cfg, out, failures)
		g.log.Info("the command has ended", "how", out.String(), "failures", failures, "status", status)
		labels := map[string]*string{LabelExit: ptr(strconv.Itoa(out.Code))}
		maps.Copy(labels, labelled(out.after))
		g.report("the end", Report{Status: status, Labels: labels})
		if status != active || !wait(g.going, pause.next()) {
			return
		}
	}
}

// withTheRunner is how much later than its command the runner may be told to end, by a service manager that tells both.
const withTheRunner = 500 * time.Millisecond

// told reports whether a command ended because it was told to: by this runner, or beside it by whoever ends the runner too, as systemd does, for
// that order may be on its way yet.
func (g *grant) told(out outcome) bool {
	return out.Told || g.going.Err() != nil || out.Signal == int(syscall.SIGTERM) && !wait(g.going, withTheRunner)
}

// stillActive looks, before another attempt, whether somebody has ended the session meanwhile: the command itself, or an operator who has had
// enough of it.
func (g *grant) stillActive() bool {
	var now Session
	err := g.insist("read the session", func(ctx context.Context) (err error) {
		now, err = g.sessions.Get(ctx, g.session.ID)
		return err
	})
	if err != nil || now.Epoch != g.epoch {
		return false
	}
	if g.status = now.Status; now.Status == completed || now.Status == failed {
		g.log.Info("the session is over, and is not started again", "status", now.Status)
		return false
	}
	return true
}

// ahead waits while there is little time to run, by what there was before: a child may have been told to end for want of it, and the node
// may vouch for the session again in the last moment. false: there is no other attempt.
func (g *grant) ahead() bool {
	for g.going.Err() == nil && time.Until(g.lease.Until()) < g.length/2 {
		wait(g.going, shortLook)
	}
	return g.going.Err() == nil
}

// verdict is the status that an attempt leaves: active means that there is another one.
func verdict(c Config, out outcome, failures int) string {
	switch {
	case c.Restart == Never && out.failed():
		return failed
	case !out.failed() && c.Restart != Always:
		return completed
	case out.failed() && c.MaxFailures > 0 && failures >= c.MaxFailures:
		return failed
	}
	return active
}

// prepare reads what the session is now, and says that it runs; false: it does not.
func (g *grant) prepare() bool {
	var now Session
	err := g.insist("read the session", func(ctx context.Context) (err error) {
		now, err = g.sessions.Get(ctx, g.session.ID)
		return err
	})
	switch {
	case err != nil:
		return false
	case now.Epoch != g.epoch:
		g.log.Warn("the session has another epoch by now, and is not started", "now", now.Epoch)
		return false
	case now.Status == completed || now.Status == failed:
		g.log.Info("the session is over, and is not started", "status", now.Status)
		return false
	}
	g.session, g.status = now, now.Status
	g.pos.after = now.Labels[LabelAfter]
	g.recorded = g.pos.after
	if _, ended := now.Labels[LabelExit]; ended || now.Status != active {
		return g.report("the start", Report{Status: active, Labels: map[string]*string{LabelExit: nil}})
	}
	return true
}

// report changes the session, unless there is nothing to change; false: it could not.
func (g *grant) report(what string, r Report) bool {
	if r.Status == g.status {
		r.Status = ""
	}
	if after := r.Labels[LabelAfter]; after != nil && *after == g.recorded {
		delete(r.Labels, LabelAfter)
	}
	if r.Status == "" && len(r.Labels) == 0 {
		return true
	}
	err := g.insist(what, func(ctx context.Context) error { return g.sessions.Report(ctx, g.session.ID, g.epoch, r) })
	if errors.Is(err, ErrRefused) && r.Status != "" && len(r.Labels) > 0 { // there may be no room for labels: the status counts more
		return g.report(what, Report{Status: r.Status})
	}
	if err != nil {
		return false
	}
	g.status = cmp.Or(r.Status, g.status)
	if after := r.Labels[LabelAfter]; after != nil {
		g.recorded = *after
	}
	return true
}

// outcome is how an attempt ended.
type outcome struct {
	result
	after string // the last input that was read
}

func ptr[T any](v T) *T { return &v }

var errOver = errors.New("the grant is over")

// place returns the directory that the command runs in.
func (g *grant) place() (string, error) {
	dir, err := workspace(g.cfg.Workspace, g.session.Workspace)
	if err != nil {
		return "", fmt.Errorf("workspace %q: %w", g.session.Workspace, err)
	}
	return dir, nil
}
