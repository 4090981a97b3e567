package transfer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"orchestrator/client"
)

// imported returns every session that has a label, whatever its value. Where the fleet cannot select so, all are read.
func imported(ctx context.Context, c *client.Client, label string) iter.Seq2[client.Session, error] {
	return func(yield func(client.Session, error) bool) {
		const page = 500
		sel := client.Selection{Selector: label, Limit: page}
		if _, err := c.ListSessions(ctx, client.Selection{Selector: label, Limit: 1}); unknownParameter(err, "labels") {
			sel.Selector = ""
		}
		for s, err := range c.AllSessions(ctx, sel) {
			if _, has := s.Labels[label]; (err != nil || has) && !yield(s, err) {
				return
			}
		}
	}
}

func unknownParameter(err error, name string) bool {
	var e *client.Error
	return errors.As(err, &e) && e.Code == client.CodeInvalidRequest && e.Field == name
}

// find returns the session that was imported from an id, or the error given where there is none.
func find(ctx context.Context, c *client.Client, id string, none error) (client.Session, error) {
	for s, err := range c.AllSessions(ctx, client.Selection{Labels: map[string]string{LabelImportedFrom: id}}) {
		return s, err
	}
	return client.Session{}, none
}

// sameFleet reports whether two clients reach one fleet: a process is of one alone.
func sameFleet(ctx context.Context, a, b *client.Client) (bool, error) {
	here, err := a.Nodes(ctx)
	if err != nil {
		return false, fmt.Errorf("the source: %w", err)
	}
	there, err := b.Nodes(ctx)
	if err != nil {
		return false, fmt.Errorf("the target: %w", err)
	}
	return slices.ContainsFunc(here, func(n client.Node) bool {
		return slices.ContainsFunc(there, func(m client.Node) bool { return n.ID == m.ID && n.Incarnation == m.Incarnation })
	}), nil
}
