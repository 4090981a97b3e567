package events

import (
	"context"
	"errors"

	"orchestrator/internal/session"
)

const (
	roundEntries = 2000 // about how many entries one round of a page reads, over all streams
	leastEntries = 8    // of each stream
	mostEntries  = 500  // of each stream
	mostRounds   = 16   // of one page: where a filter selects little, a page ends short
)

// Page returns up to limit events that a filter selects, from where a cursor stands: in the order of each partition. No cursor ("") is before
// the oldest that is kept, Latest is behind the newest. It fails with a *session.InvalidError for what is no cursor, with a
// *session.EventsGoneError where events are missing after it, and with a *session.UnavailableError where Redis does not answer.
func (f *Feed) Page(ctx context.Context, cursor string, filter session.EventFilter, limit int) (session.EventPage, error) {
	at, err := f.open(ctx, cursor)
	if err != nil {
		return session.EventPage{}, err
	}
	var events []session.Event
	if cursor != Latest {
		if events, _, err = f.advance(ctx, at, filter, limit); err != nil {
			return session.EventPage{}, f.explain(ctx, err)
		}
	}
	return session.EventPage{Events: events, Next: at.encode(f.keys.Prefix())}, nil
}

// open returns where a cursor stands.
func (f *Feed) open(ctx context.Context, cursor string) (positions, error) {
	switch cursor {
	case "":
		return f.oldest(ctx)
	case Latest:
		return f.latest(ctx)
	}
	return decodeCursor(cursor, f.keys.Prefix(), f.streams())
}

// explain makes of missing events the error that tells where to go on.
func (f *Feed) explain(ctx context.Context, err error) error {
	if !errors.Is(err, errGone) {
		return err
	}
	at, err := f.latest(ctx)
	if err != nil {
		return err
	}
	return &session.EventsGoneError{Latest: at.encode(f.keys.Prefix())}
}

// advance returns the next events that a filter selects, up to limit, and moves at behind them and behind those passed over; more says that
// there may be others. It fails only where it has none: what one round found is told though the next one fails, for at is behind it.
func (f *Feed) advance(ctx context.Context, at positions, filter session.EventFilter, limit int) (events []session.Event, more bool, err error) {
	streams := f.concerned(filter)
	if len(streams) == 0 {
		return nil, false, nil
	}
	most := min(max(roundEntries/len(streams), leastEntries), mostEntries)
	for range mostRounds {
		found, full, err := f.read(ctx, at, streams, most)
		if err != nil && len(events) > 0 {
			return events, true, nil
		}
		if err != nil {
			return nil, false, err
		}
		for _, h := range found {
			if !h.void && filter.Selects(h.event) {
				if len(events) == limit {
					return events, true, nil
				}
				events = append(events, h.event)
			}
			at[h.stream] = h.at
		}
		if !full {
			return events, false, nil
		}
	}
	return events, true, nil
}
