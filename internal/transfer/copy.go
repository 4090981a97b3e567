package transfer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"orchestrator/client"
)

// copy makes the copy, or finds it made by an earlier run, and compares it.
func (p *passage) copy(ctx context.Context, before client.Session, copied bool) error {
	if copied {
		return p.compare(ctx, before.ID)
	}
	c, err := makeOnce(ctx, p.To, p.it.draft, func(error) (client.Session, error) {
		return find(ctx, p.To, p.it.id, errSpent) // made a moment ago, with a little more time to live
	}, "move", p.FromName, p.it.id, fmt.Sprint(p.s.Version))
	if err != nil {
		return err
	}
	return p.compare(ctx, c.ID)
}

// compare reads a copy and holds it to what it is to be. One that differs is deleted.
func (p *passage) compare(ctx context.Context, id string) (err error) {
	p.c, err = p.To.GetSession(ctx, id)
	if errors.Is(err, client.ErrNotFound) {
		p.copies.forget(p.it.id)
		return errChanged
	}
	if err != nil {
		return err
	}
	p.copies.remember(p.it.id, p.c)
	if p.c.Labels[LabelMovingFrom] != p.FromName {
		return taken(p.c)
	}
	if same(p.it.draft, p.c) {
		return p.live(ctx)
	}
	return p.discard(ctx)
}

// discard deletes a copy that is not what it is to be: nobody runs it. It is made anew with the next attempt.
func (p *passage) discard(ctx context.Context) error {
	err := p.To.DeleteSession(ctx, p.c.ID, client.Condition{IfMatch: p.c.ETag})
	if err != nil && !errors.Is(err, client.ErrVersionMismatch) && !errors.Is(err, client.ErrNotFound) {
		return err
	}
	p.copies.forget(p.it.id)
	return errChanged
}

// live gives a copy of an earlier run the time that is left, where the source's has been changed since.
func (p *passage) live(ctx context.Context) error {
	if p.it.until.IsZero() == p.c.ExpiresAt.IsZero() && p.it.until.Sub(p.c.ExpiresAt).Abs() < time.Second {
		return nil
	}
	ttl := client.Never
	if !p.it.until.IsZero() {
		ttl = p.it.draft.TTL
	}
	return p.change(ctx, client.Patch{TTL: ttl})
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

// same compares what a copy is to be with what it is, but for its time to live and how far it has been read.
func same(want client.Draft, is client.Session) bool {
	labels := maps.Clone(is.Labels)
	delete(labels, LabelReadUpTo)
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
