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

// errChanged says that the source's session, or its context, is not any more as it was copied.
var errChanged = errors.New("it has changed at the source")

func (p *passage) once(ctx context.Context) error {
	before, copied := p.copies.of(p.it.id)
	s, err := p.From.GetSession(ctx, p.it.id)
	switch {
	case errors.Is(err, client.ErrNotFound) && copied && before.Labels[LabelMovingFrom] == p.FromName: // the deletion was the last that was done
		p.c = before
		return nil
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
		return fmt.Errorf("target: %w", err)
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
		Labels: s.Labels, Status: s.Status}}
	if err := p.it.check(); err != nil {
		return err
	}
	labels := p.it.draft.Labels
	labels[LabelMovingFrom] = p.FromName
	unmarked := s.Labels[LabelMovingTo] == ""
	if len(labels) > session.MaxLabels || unmarked && len(s.Labels) == session.MaxLabels {
		return fmt.Errorf("has %d labels, and a move needs up to two more: at most %d are allowed", len(s.Labels), session.MaxLabels)
	}
	return p.it.live(time.Now())
}

// mark says at the source whither the session goes.
func (p *passage) mark(ctx context.Context) error {
	if p.s.Labels[LabelMovingTo] == p.ToName {
		return nil
	}
	marked, err := p.From.PatchSession(ctx, p.s.ID, client.Patch{Labels: map[string]string{LabelMovingTo: p.ToName}}, client.Condition{IfMatch: p.s.ETag})
	if errors.Is(err, client.ErrVersionMismatch) {
		return errChanged
	}
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	p.s = marked
	return nil
}

// leave takes the context along, and deletes the session at the source if all of it is as it was copied.
func (p *passage) leave(ctx context.Context) error {
	etag, err := p.context(ctx)
	if err != nil {
		return err
	}
	now, err := stateOf(ctx, p.From, p.s.ID)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	if now.ETag != etag {
		return errChanged
	}
	switch err := p.From.DeleteSession(ctx, p.s.ID, client.Condition{IfMatch: p.s.ETag}); {
	case errors.Is(err, client.ErrVersionMismatch):
		return errChanged
	case errors.Is(err, client.ErrNotFound): // by somebody else, or it expired: the copy is what is left, as after a crash
		return nil
	case err != nil:
		return fmt.Errorf("source: %w", err)
	}
	return nil
}
