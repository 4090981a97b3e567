package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Types of events.
const (
	SessionCreated  = "session.created"
	SessionUpdated  = "session.updated"
	SessionAssigned = "session.assigned"
	SessionRevoked  = "session.revoked" // its owner is about to give it away: if it is not moved then, it stays
	SessionMoved    = "session.moved"
	SessionExpired  = "session.expired"
	SessionDeleted  = "session.deleted"
	NodeJoined      = "node.joined"
	NodeDraining    = "node.draining"
	NodeCordoned    = "node.cordoned"
	NodeReady       = "node.ready"
	NodeLeft        = "node.left"
	NodeDead        = "node.dead"
	NodeRecovered   = "node.recovered"

	// Bookmark is no event: it says only where a watch is, to those who ask for it.
	Bookmark = "bookmark"
)

// Event is something that happened in the fleet. What does not apply to its type is left zero.
type Event struct {
	ID           string    `json:"id"` // the same each time the event is told
	Type         string    `json:"type"`
	Time         time.Time `json:"time"`
	Session      string    `json:"session,omitempty"`
	Node         string    `json:"node,omitempty"`
	PreviousNode string    `json:"previousNode,omitempty"`
	Epoch        uint64    `json:"epoch,omitempty"`
	Version      uint64    `json:"version,omitempty"`
	Reason       string    `json:"reason,omitempty"`
	Actor        string    `json:"actor,omitempty"`

	// Of NodeRecovered: what became of the sessions that the node owned when it was declared dead.
	Expected  int `json:"expected,omitempty"`
	Recovered int `json:"recovered,omitempty"`
	Lost      int `json:"lost,omitempty"`

	// Cursor is where another watch may go on so as to miss nothing after this event; it may be told some again. Empty: not known yet.
	Cursor string `json:"-"`
}

// EventSelection says which events are read.
type EventSelection struct {
	Cursor  string   // empty: from the oldest kept where a page is asked for, from now on where they are watched
	Types   []string // any of these; empty: all
	Session string   // of this session alone
	Node    string   // of this node alone
	Limit   int      // of one page, 1 to 1,000; 0: 100

	// Bookmarks has a watch tell where it is every 15 s or so, by an Event of type Bookmark that has a Cursor and nothing else.
	Bookmarks bool
}

func (sel EventSelection) query() url.Values {
	q := url.Values{}
	for name, values := range map[string][]string{"type": sel.Types, "session": one(sel.Session), "node": one(sel.Node)} {
		if len(values) > 0 {
			q[name] = values
		}
	}
	return q
}

// EventPage is one page of events. Next is where to go on, also where nothing came.
type EventPage struct {
	Events []Event `json:"events"`
	Next   string  `json:"nextCursor"`
}

// Events returns one page of the fleet's events. With the cursor Latest it returns none, and the cursor of now. It fails with ErrCursorGone
// where events after the cursor are not kept any more, or are lost.
func (c *Client) Events(ctx context.Context, sel EventSelection) (EventPage, error) {
	q := sel.query()
	if sel.Cursor != "" {
		q.Set("cursor", sel.Cursor)
	}
	if sel.Limit != 0 {
		q.Set("limit", strconv.Itoa(sel.Limit))
	}
	var page EventPage
	_, err := c.call(ctx, &request{method: http.MethodGet, path: "/v1/events", query: q}, &page)
	return page, err
}

// WatchEvents returns the fleet's events after a cursor, and then those to come: each at least once, in order for each session. Where the
// stream is lost it goes on at another node, and some may be told again. It ends with the error that comes last: ErrCursorGone when events
// were missed (list again, and watch from there), ErrUnavailable when nobody answers for RetryFor, ctx's.
func (c *Client) WatchEvents(ctx context.Context, sel EventSelection) iter.Seq2[Event, error] {
	const path = "/v1/events"
	return func(yield func(Event, error) bool) {
		if err := headerText("Cursor", sel.Cursor, maxCursor); err != nil {
			yield(Event{}, err)
			return
		}
		if sel.Cursor == "" || sel.Cursor == Latest { // named now, so that nothing is missed though the stream be lost before its first event
			page, err := c.Events(ctx, EventSelection{Cursor: Latest})
			if err != nil {
				yield(Event{}, err)
				return
			}
			sel.Cursor = page.Next
		}
		err := c.follow(ctx, &follow{path: path, query: sel.query(), cursor: sel.Cursor, begin: "cursor", marks: sel.Bookmarks,
			at: func(data []byte) string {
				var mark struct{ Cursor string }
				_ = json.Unmarshal(data, &mark)
				return mark.Cursor
			},
			take: func(name, cursor string, data []byte) (bool, error) {
				ev := Event{Type: name, Cursor: cursor}
				if name != Bookmark {
					if err := json.Unmarshal(data, &ev); err != nil {
						return false, brokenEvent(path, err)
					}
				}
				return yield(ev, nil), nil
			}})
		if err != nil {
			yield(Event{}, err)
		}
	}
}
