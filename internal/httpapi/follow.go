package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

// pace is how often a stream of messages does what.
type pace struct {
	look     time.Duration // for messages published through other nodes
	bookmark time.Duration // tells where to go on though nothing came, and that the stream lives
}

var usualPace = pace{200 * time.Millisecond, 15 * time.Second}

// followStep is how many messages a stream reads at once.
const followStep = 100

// followMessages tells a caller of a session's messages as they come, until one of both ends it. It looks at home alone, which may have lost
// something with its master; before that is told as an end, all records are asked.
func (a *api) followMessages(c *gin.Context, q query) error {
	for _, name := range []string{"limit", "consistency"} {
		if q.has(name) {
			return session.Invalid(name, "is for pages: a stream has no end, and looks at home as it goes")
		}
	}
	id, want, _, err := messageQuery(c, q)
	if err != nil {
		return err
	}
	if want, err = resumed(c.Request.Header, want); err != nil {
		return err
	}
	seats := &a.afar
	if callerOf(c).beside {
		seats = &a.beside
	}
	leave, err := seats.take()
	if err != nil {
		return err
	}
	defer leave()
	wake, end := a.cfg.Messages.Published(id)
	defer end()
	want.Limit = followStep
	page, err := a.nextMessages(c, id, want, session.Linearizable)
	if err != nil {
		return err
	}
	f := &following{api: a, c: c, id: id, want: want, wake: wake, out: openEvents(c, a.eventTimeout)}
	if err := f.run(page); err != nil {
		_ = c.Error(fmt.Errorf("write to who follows messages: %w", err))
	}
	return nil
}

// resumed has a stream go on after the last message that the caller got from another.
func resumed(h http.Header, want session.MessageQuery) (session.MessageQuery, error) {
	last, given, err := single(h, headerLastEventID)
	if err != nil || !given {
		return want, err
	}
	if want.After, err = session.ParseMessageID(last); err != nil {
		return want, session.Invalid(headerLastEventID, "must be the id of an event of this stream")
	}
	want.Oldest, want.Latest = false, false
	return want, nil
}

// nextMessages reads within the time that any request may take.
func (a *api) nextMessages(c *gin.Context, id session.ID, q session.MessageQuery, as session.Consistency) (session.MessagePage, error) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), a.cfg.RequestTimeout)
	defer cancel()
	return a.cfg.Messages.Messages(ctx, id, q, as)
}

// following is one stream of messages.
type following struct {
	*api
	c    *gin.Context
	id   session.ID
	want session.MessageQuery
	wake <-chan struct{}
	out  *events
}

type messageBookmark struct {
	After string `json:"after"`
}

// run sends pages until the stream ends; an error is one of writing. The caller sees at once that it is heard: by messages that are there, or by a
// bookmark.
func (f *following) run(page session.MessagePage) error {
	look, bookmark := time.NewTicker(f.pace.look), time.NewTicker(f.pace.bookmark)
	defer look.Stop()
	defer bookmark.Stop()
	if len(page.Messages) == 0 { // else it would be ahead of what the caller has, who may come back with it
		if err := f.mark(page.Next); err != nil {
			return err
		}
	}
	for {
		for _, m := range page.Messages {
			if err := f.out.sendAt(m.ID.String(), "message", messageView(m)); err != nil {
				return err
			}
		}
		caughtUp := page.Next == f.want.After || len(page.Messages) < followStep && len(f.want.Kinds) == 0
		f.want.After, f.want.Oldest, f.want.Latest = page.Next, false, false
		if caughtUp {
			select {
			case <-look.C:
			case <-f.wake:
			case <-bookmark.C:
				if err := f.mark(f.want.After); err != nil {
					return err
				}
			case <-f.stopping:
			case <-f.c.Request.Context().Done():
				return nil
			}
		}
		if f.stopped.Load() {
			return f.out.send("end", endView{"draining"})
		}
		next, reason := f.next()
		if reason != "" {
			return f.out.send("end", endView{reason})
		}
		page = next
	}
}

// mark tells where to go on.
func (f *following) mark(after session.MessageID) error {
	return f.out.sendAt(after.String(), "bookmark", messageBookmark{after.String()})
}

// next looks for more, or says why there will be none. While Redis does not answer there are none yet.
func (f *following) next() (session.MessagePage, string) {
	page, err := f.nextMessages(f.c, f.id, f.want, session.Eventual)
	var gone *session.CursorGoneError
	if errors.Is(err, session.ErrNotFound) { // that a cursor is gone, the store looks into by itself
		page, err = f.nextMessages(f.c, f.id, f.want, session.Linearizable)
	}
	var corrupt *session.CorruptError
	switch {
	case err == nil:
		return page, ""
	case errors.Is(err, session.ErrNotFound):
		return page, "deleted"
	case errors.As(err, &gone):
		return page, "cursor-gone"
	case errors.As(err, &corrupt):
		return page, "unreadable"
	}
	return session.MessagePage{Next: f.want.After}, ""
}
