package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"orchestrator/client"
)

// open says that the copy is partial from now on: before it is given more than it has. The session is marked again before, so that nobody deletes it
// by what was known while this copy was whole.
func (p *passage) open(ctx context.Context) error {
	if _, partial := p.c.Labels[LabelPartial]; partial {
		return nil
	}
	if err := p.remark(ctx); err != nil {
		return err
	}
	return at("target", p.change(ctx, client.Patch{Labels: map[string]string{LabelPartial: "true"}, RemoveLabels: []string{LabelReadUpTo}}))
}

// whole says that the copy has all that the session has, and gives it what is not carried over but translated: how far it has been read, and the
// time that is left.
func (p *passage) whole(ctx context.Context) error {
	patch, differs := client.Patch{Labels: map[string]string{}}, false
	if _, partial := p.c.Labels[LabelPartial]; partial {
		patch.RemoveLabels, differs = append(patch.RemoveLabels, LabelPartial), true
	}
	if want := p.thread.at(p.s.Labels[LabelReadUpTo]); want != p.c.Labels[LabelReadUpTo] {
		if differs = true; want != "" {
			patch.Labels[LabelReadUpTo] = want
		} else {
			patch.RemoveLabels = append(patch.RemoveLabels, LabelReadUpTo)
		}
	}
	if !p.timed && !p.expires() {
		if err := p.it.live(time.Now()); err != nil {
			return err
		}
		if patch.TTL, differs = client.Never, true; !p.it.until.IsZero() {
			patch.TTL = p.it.draft.TTL
		}
	}
	p.timed = true // once: the fleets' clocks may differ by more than is looked at
	if !differs {
		return nil
	}
	return at("target", p.change(ctx, patch))
}

// expires reports whether the copy expires when the session does.
func (p *passage) expires() bool {
	return p.it.until.IsZero() == p.c.ExpiresAt.IsZero() && p.it.until.Sub(p.c.ExpiresAt).Abs() < time.Second
}

// remains decides on a held copy whose session is gone at the source. A whole one is all that is left of it: the deletion was the last that an earlier
// run did. With a partial one the session was ended by somebody else, and is not to begin again with a part of its conversation.
func (p *passage) remains(ctx context.Context, id string) (err error) {
	p.c, err = p.To.GetSession(ctx, id) // after the source was asked: if another run deleted it there, this is what it left
	if errors.Is(err, client.ErrNotFound) {
		p.copies.forget(p.it.id)
		return errEnded
	}
	if err != nil {
		return at("target", err)
	}
	p.copies.remember(p.it.id, p.c)
	if p.c.Labels[LabelMovingFrom] != p.FromName { // another run has released it
		return errEnded
	}
	if _, partial := p.c.Labels[LabelPartial]; !partial {
		return nil
	}
	if p.DryRun {
		return fmt.Errorf("it has ended at the source before all of it was copied: its copy %s would be deleted", id)
	}
	switch err := p.To.DeleteSession(ctx, id, client.Condition{IfMatch: p.c.ETag}); {
	case errors.Is(err, client.ErrVersionMismatch), errors.Is(err, client.ErrNotFound):
		return errChanged
	case err != nil:
		return at("target", err)
	}
	p.copies.forget(p.it.id)
	return fmt.Errorf("it has ended at the source before all of it was copied: its copy %s was deleted", id)
}
