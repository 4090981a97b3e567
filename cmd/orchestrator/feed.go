package main

import (
	"context"

	"orchestrator/internal/events"
	"orchestrator/internal/httpapi"
	"orchestrator/internal/session"
)

// feed is the node's feed of events as the door wants it.
type feed struct{ *events.Feed }

func (f feed) Follow(ctx context.Context, cursor string, filter session.EventFilter) (httpapi.EventStream, error) {
	w, err := f.Feed.Follow(ctx, cursor, filter)
	if err != nil {
		return nil, err // a nil *events.Follower would be no nil stream
	}
	return w, nil
}
