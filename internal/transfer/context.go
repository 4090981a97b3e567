package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"orchestrator/client"
)

// context carries a session's context over, unless it is what it was at the last look, and reports whether there was anything to carry.
func (p *passage) context(ctx context.Context) (fresh bool, err error) {
	blob, err := stateOf(ctx, p.From, p.s.ID)
	if err != nil {
		return false, fmt.Errorf("source: %w", err)
	}
	if p.looked && blob.ETag == p.state {
		return false, nil
	}
	fresh = p.looked || blob.ETag != ""
	old, err := stateOf(ctx, p.To, p.c.ID) // of an earlier attempt
	if err == nil && (blob.ContentType != old.ContentType || !bytes.Equal(blob.Data, old.Data) || (blob.ETag == "") != (old.ETag == "")) {
		if err := p.open(ctx); err != nil {
			return false, err
		}
		err = p.write(ctx, blob, old)
	}
	if errors.Is(err, client.ErrVersionMismatch) {
		return false, errChanged
	}
	if err != nil {
		return false, fmt.Errorf("target: context: %w", err)
	}
	p.looked, p.state = true, blob.ETag
	return fresh, nil
}

// write has the copy's context be the source's.
func (p *passage) write(ctx context.Context, blob, old client.Blob) error {
	cond := client.Condition{IfMatch: old.ETag}
	if blob.ETag == "" {
		return p.To.DeleteContext(ctx, p.c.ID, cond)
	}
	_, err := p.To.PutContext(ctx, p.c.ID, blob.Data, blob.ContentType, client.ContextCondition{Condition: cond, Absent: old.ETag == ""})
	return err
}

// stateOf returns a session's context, the zero Blob where there is none, or the fleet keeps none.
func stateOf(ctx context.Context, c *client.Client, id string) (client.Blob, error) {
	blob, err := c.GetContext(ctx, id)
	var e *client.Error
	if errors.As(err, &e) && (e.Code == "context-not-found" || errors.Is(err, client.ErrNoRoute)) {
		return client.Blob{}, nil
	}
	return blob, err
}
