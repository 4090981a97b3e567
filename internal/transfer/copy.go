package transfer

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"orchestrator/client"
)

// copy makes the copy, or finds it made by an earlier run, and compares it.
func (p *passage) copy(ctx context.Context, before client.Session, copied bool) error {
	if copied {
		return p.compare(ctx, before.ID)
	}
	c, err := p.begin(ctx)
	if err != nil {
		return at("target", err)
	}
	return p.compare(ctx, c.ID)
}

// begin makes the copy, partial as yet. What it says follows from the session's version alone, so that it is the same at each attempt: the time that
// is left comes with what makes it whole.
func (p *passage) begin(ctx context.Context) (client.Session, error) {
	d := p.it.draft
	d.TTL, d.Labels = 0, maps.Clone(d.Labels)
	d.Labels[LabelPartial] = "true"
	return makeOnce(ctx, p.To, d, func(err error) (client.Session, error) {
		return find(ctx, p.To, p.it.id, errSpent) // of a former version, with its time to live
	}, "move", p.FromName, p.it.id, fmt.Sprint(p.s.Version))
}

// compare reads a copy and holds it to what it is to be. One that differs is deleted.
func (p *passage) compare(ctx context.Context, id string) (err error) {
	p.c, err = p.To.GetSession(ctx, id)
	if errors.Is(err, client.ErrNotFound) {
		p.copies.forget(p.it.id)
		return errChanged
	}
	if err != nil {
		return at("target", err)
	}
	p.copies.remember(p.it.id, p.c)
	switch {
	case p.c.Labels[LabelMovingFrom] != p.FromName:
		return at("target", taken(p.c))
	case !same(p.it.draft, p.c):
		return p.discard(ctx)
	}
	return nil
}

// discard deletes a copy that is not what it is to be: nobody runs it. It is made anew with the next attempt. The session is marked
// again before, so that nobody deletes it by what was known while it had this copy; where it is gone by now the copy is the only one, and stays.
func (p *passage) discard(ctx context.Context) error {
	if err := p.remark(ctx); err != nil {
		return err
	}
	err := p.To.DeleteSession(ctx, p.c.ID, client.Condition{IfMatch: p.c.ETag})
	switch {
	case errors.Is(err, client.ErrVersionMismatch): // it is still there, and compared again
		return errChanged
	case err != nil && !errors.Is(err, client.ErrNotFound):
		return at("target", err)
	}
	p.copies.forget(p.it.id)
	return errChanged
}

// change patches the copy.
func (p *passage) change(ctx context.Context, patch client.Patch) error {
	c, err := p.To.PatchSession(ctx, p.c.ID, patch, client.Condition{IfMatch: p.c.ETag})
	if errors.Is(err, client.ErrVersionMismatch) || errors.Is(err, client.ErrNotFound) {
		return errChanged
	}
	if err == nil {
		p.c = c
		p.copies.remember(p.it.id, c)
	}
	return err
}

// taken is the error of a session that the target has, and not from this move.
func taken(c client.Session) error {
	if whence := c.Labels[LabelMovingFrom]; whence != "" {
		return fmt.Errorf("the target has it as %s, held for a move from %s: name the source so", c.ID, whence)
	}
	return fmt.Errorf("the target has it as %s, which may be run there: it was imported. Delete one of the two", c.ID)
}

// same compares what a copy is to be with what it is, but for its time to live, how far it has been read, and whether it is whole.
func same(want client.Draft, is client.Session) bool {
	labels := maps.Clone(is.Labels)
	delete(labels, LabelReadUpTo)
	delete(labels, LabelPartial)
	return want.Type == is.Type && want.Name == is.Name && want.Workspace == is.Workspace && want.Status == is.Status &&
		want.Durability == stated(is.Durability) && maps.Equal(want.Labels, labels) && sameJSON(want.Config, is.Config)
}

// stated is a durability as fleets of every version have it: the default is left out.
func stated(d client.Durability) client.Durability {
	if d == client.Acked {
		return ""
	}
	return d
}

// release lets a copy be run. One that has ended meanwhile is released too.
func (m *mover) release(ctx context.Context, c client.Session) error {
	_, err := m.To.PatchSession(ctx, c.ID, client.Patch{RemoveLabels: []string{LabelMovingFrom}}, client.Condition{})
	if err != nil && !errors.Is(err, client.ErrNotFound) {
		return fmt.Errorf("target: it is left there, held, as %s: %w", c.ID, err)
	}
	return nil
}
