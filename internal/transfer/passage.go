package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"orchestrator/client"
	"orchestrator/internal/session"
)

// passage is one session on its way, at one attempt: from its mark at the source to its deletion there.
type passage struct {
	*mover

	it item           // what is to be made at the target
	s  client.Session // at the source, marked
	c  client.Session // the copy at the target

	looked bool   // at the context
	state  string // its ETag at the source, as it was carried over; empty: there is none
	thread thread
	timed  bool // its time to live was looked at
}

// attempts is how often a session that changes while it is copied is copied anew.
const attempts = 5

// passage takes a session to where only its copy, held, is left.
func (m *mover) passage(ctx context.Context, id string) (*client.Session, error) {
	for range attempts {
		p := &passage{mover: m, it: item{id: id}}
		err := p.once(ctx)
		switch {
		case errors.Is(err, errChanged):
		case err != nil || m.DryRun:
			return nil, err
		default:
			return &p.c, nil
		}
	}
	return nil, fmt.Errorf("it keeps changing at the source: it stays there, marked %s, and its copy held; move it again when it is quieter", LabelMovingTo)
}

// errEnded says that the session ended before it could be moved.
var errEnded = errors.New("it has ended")

// errChanged says that the source's session, or what lies beside it, is not any more as it was copied.
var errChanged = errors.New("it has changed at the source")

// errBlind says that the source is of a former version, whose deletion cannot tell what has changed beside the session.
var errBlind = errors.New("it cannot tell what lies beside a session")

func (p *passage) once(ctx context.Context) error {
	before, copied := p.copies.of(p.it.id)
	s, err := p.From.GetSession(ctx, p.it.id)
	switch {
	case errors.Is(err, client.ErrNotFound) && copied && before.Labels[LabelMovingFrom] == p.FromName:
		return p.remains(ctx, before.ID)
	case errors.Is(err, client.ErrNotFound):
		return errEnded
	case err != nil:
		return fmt.Errorf("source: %w", err)
	case copied && before.Labels[LabelMovingFrom] != p.FromName:
		return taken(before)
	}
	if err := p.take(s); err != nil || p.DryRun {
		return err
	}
	if err := p.mark(ctx); err != nil {
		return err
	}
	if err := p.copy(ctx, before, copied); err != nil {
		return err
	}
	return p.leave(ctx)
}

// take reads a session of the source as one to be made at the target.
func (p *passage) take(s client.Session) error {
	if to := s.Labels[LabelMovingTo]; to != "" && to != p.ToName {
		return fmt.Errorf("is being moved to %s: finish that, or remove its label %s", to, LabelMovingTo)
	}
	p.s = s
	p.it = item{id: s.ID, until: s.ExpiresAt, draft: client.Draft{Type: s.Type, Name: s.Name, Workspace: s.Workspace, Config: s.Config,
		Labels: s.Labels, Status: s.Status, Durability: stated(s.Durability)}}
	if err := p.it.check(); err != nil {
		return err
	}
	labels := p.it.draft.Labels
	labels[LabelMovingFrom] = p.FromName
	if len(labels)+1 > session.MaxLabels { // LabelPartial, in whose place comes LabelReadUpTo
		return fmt.Errorf("has %d labels, and a move needs up to three more: at most %d are allowed", len(s.Labels), session.MaxLabels)
	}
	return p.it.live(time.Now())
}

// mark says at the source whither the session goes.
func (p *passage) mark(ctx context.Context) error {
	if p.s.Labels[LabelMovingTo] == p.ToName {
		return nil
	}
	return p.remark(ctx)
}

// remark says it again, by which the session changes: no deletion goes through any more that was asked for by what was known of it before, be it by
// another run, or by an earlier one whose request is still under way. A session that is gone has changed, too.
func (p *passage) remark(ctx context.Context) error {
	marked, err := p.From.PatchSession(ctx, p.s.ID, client.Patch{Labels: map[string]string{LabelMovingTo: p.ToName}}, client.Condition{IfMatch: p.s.ETag})
	if errors.Is(err, client.ErrVersionMismatch) || errors.Is(err, client.ErrNotFound) {
		return errChanged
	}
	if err != nil {
		return at("source", err)
	}
	p.s = marked
	return nil
}

// looks is how often what lies beside a session is looked at anew, where it changes all the time.
const looks = 20

// leave takes the context and the messages along, and deletes the session at the source if all of it is as it was copied.
func (p *passage) leave(ctx context.Context) error {
	refused := false
	for range looks {
		fresh, err := p.carry(ctx)
		switch {
		case errors.Is(err, client.ErrNotFound): // one of the two is gone: the next attempt looks which
			return errChanged
		case err != nil:
			return err
		case refused && !fresh: // it is the session itself that has changed
			return errChanged
		case fresh && p.blind.Load(): // the deletion cannot tell what came meanwhile
			continue
		}
		err = p.end(ctx)
		if !errors.Is(err, errChanged) && !errors.Is(err, errBlind) {
			return err
		}
		refused = errors.Is(err, errChanged)
	}
	return errChanged
}

// carry takes along what is new beside the session, and reports whether there was anything.
func (p *passage) carry(ctx context.Context) (fresh bool, err error) {
	written, err := p.context(ctx)
	if err != nil {
		return false, err
	}
	published, err := p.messages(ctx)
	if err != nil {
		return false, err
	}
	return written || published, p.whole(ctx)
}

// end deletes the session at the source, if it and what lies beside it are as they were copied.
func (p *passage) end(ctx context.Context) error {
	cond := client.Condition{IfMatch: p.s.ETag}
	var err error
	if p.blind.Load() {
		err = p.From.DeleteSession(ctx, p.s.ID, cond)
	} else {
		err = p.From.DeleteUnchanged(ctx, p.s.ID, cond, client.Beside{LastMessage: p.thread.last(), ContextETag: p.state})
	}
	switch {
	case unknownParameter(err, "lastMessage"), unknownParameter(err, "contextETag"):
		p.blind.Store(true)
		return errBlind
	case errors.Is(err, client.ErrVersionMismatch):
		return errChanged
	case errors.Is(err, client.ErrNotFound): // by somebody else, or it expired: the copy is what is left, as after a crash
		return nil
	case err != nil:
		return fmt.Errorf("source: %w", err)
	}
	return nil
}
