package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

// listEvents answers with a page of what happened.
func (a *api) listEvents(c *gin.Context, q query) error {
	filter, err := readEventFilter(q)
	if err != nil {
		return err
	}
	limit, err := readLimit(q)
	if err != nil {
		return err
	}
	page, err := a.cfg.Events.Page(c.Request.Context(), q.get("cursor"), filter, limit)
	if err != nil {
		return err
	}
	return reply(c, http.StatusOK, eventPageView(page))
}

func readEventFilter(q query) (f session.EventFilter, err error) {
	for _, name := range q.all("type") {
		t := session.EventType(name)
		if !slices.Contains(session.EventTypes, t) {
			return f, session.Invalid("type", fmt.Sprintf("%q is no type of events: session.created, node.dead and so on", clip(name)))
		}
		f.Types = append(f.Types, t)
	}
	if q.has("session") {
		if f.Session, err = session.ParseID(q.get("session")); err != nil {
			return f, session.Invalid("session", "must be the id of a session")
		}
	}
	if q.has("node") {
		if f.Node, err = session.ParseNodeID(q.get("node")); err != nil {
			return f, session.Invalid("node", strings.TrimPrefix(err.Error(), "node "))
		}
	}
	return f, nil
}

// followEvents tells what happens until the caller goes, or the stream must end. An answer's id, and each bookmark, is a cursor to go on from.
func (a *api) followEvents(c *gin.Context, q query) error {
	filter, err := readEventFilter(q)
	if err != nil {
		return err
	}
	if q.has("limit") {
		return session.Invalid("limit", "is for pages: a stream has no end")
	}
	cursor := q.get("cursor")
	if last := lastEventID(c.Request.Header); last != "" {
		cursor = last
	}
	stream, err := a.openEventStream(c.Request.Context(), cursor, filter)
	if err != nil {
		return err
	}
	defer stream.Close()
	var out teller = &eventLines{openStream(c, typeNDJSON, a.eventTimeout)}
	if acceptsStream(c.Request.Header, typeEvents) {
		out = told{openEvents(c, a.eventTimeout)}
	}
	if err := a.tellEvents(c.Request.Context(), stream, out); err != nil {
		_ = c.Error(fmt.Errorf("write to a follower of events: %w", err))
	}
	return nil
}

// openEventStream opens a stream within the time of a request.
func (a *api) openEventStream(ctx context.Context, cursor string, filter session.EventFilter) (EventStream, error) {
	limited, cancel := context.WithTimeout(ctx, a.cfg.RequestTimeout)
	defer cancel()
	return a.cfg.Events.Follow(limited, cursor, filter)
}

// tellEvents begins with a bookmark, and has another follow whenever one is due. It returns an error where the caller cannot be written to.
func (a *api) tellEvents(ctx context.Context, stream EventStream, out teller) error {
	if err := out.bookmark(stream.Cursor()); err != nil {
		return err
	}
	due := time.Now().Add(a.bookmarks)
	for {
		limited, cancel := context.WithDeadline(ctx, due)
		b, err := stream.Next(limited)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil // the caller has gone
		case errors.Is(err, context.DeadlineExceeded):
			err = out.bookmark(stream.Cursor())
			due = time.Now().Add(a.bookmarks)
		case err == nil:
			err = out.batch(b)
		default:
			return err
		}
		if err != nil || b.End != "" {
			return err
		}
	}
}

// teller writes a stream of events in one of its forms.
type teller interface {
	batch(b session.EventBatch) error
	bookmark(cursor string) error
}

// told are server-sent events. The last event of a batch has the cursor as its id: whoever has seen less goes on from before the batch.
type told struct{ *events }

func (t told) batch(b session.EventBatch) error {
	for i := range b.Events {
		id := ""
		if i == len(b.Events)-1 {
			id = b.Cursor
		}
		if err := t.write(id, string(b.Events[i].Type), (*eventView)(&b.Events[i])); err != nil {
			return err
		}
	}
	if b.End != "" {
		return t.send("end", endView{b.End})
	}
	return t.control.Flush()
}

func (t told) bookmark(cursor string) error {
	return t.sendAt(cursor, "bookmark", bookmarkView{Cursor: cursor})
}

// eventLines are lines of JSON.
type eventLines struct{ *events }

func (l *eventLines) batch(b session.EventBatch) error {
	for i := range b.Events {
		if err := l.line((*eventView)(&b.Events[i])); err != nil {
			return err
		}
	}
	if b.End != "" {
		if err := l.line(lineEndView{"end", b.End}); err != nil {
			return err
		}
	}
	return l.control.Flush()
}

func (l *eventLines) bookmark(cursor string) error {
	if err := l.line(bookmarkView{"bookmark", cursor}); err != nil {
		return err
	}
	return l.control.Flush()
}

func (l *eventLines) line(v any) error {
	w := newWriter(false)
	defer w.free()
	if w.value(v); w.err != nil {
		return w.err
	}
	return l.bytes(append(w.out, '\n'))
}

type (
	bookmarkView struct {
		Type   string `json:"type,omitempty"` // of a line
		Cursor string `json:"cursor"`
	}
	lineEndView struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
	}
	eventPageView session.EventPage
	eventView     session.Event
	eventsView    []session.Event
)

func (v eventPageView) write(w *writer) {
	w.object(2)
	w.name("events")
	eventsView(v.Events).write(w)
	w.name("nextCursor").text(v.Next)
	w.end('}')
}

func (v eventsView) write(w *writer) {
	w.array(len(v))
	for i := range v {
		(*eventView)(&v[i]).write(w)
	}
	w.end(']')
}

// MarshalJSON is write for documents that do not write themselves.
func (v eventsView) MarshalJSON() ([]byte, error) {
	w := newWriter(false)
	defer w.free()
	v.write(w)
	return bytes.Clone(w.out), w.err
}

// write leaves out what does not apply.
func (v *eventView) write(w *writer) {
	texts := []struct{ name, value string }{
		{"session", string(v.Session)}, {"node", string(v.Node)}, {"previousNode", string(v.Previous)}, {"reason", v.Reason}, {"actor", string(v.Actor)},
	}
	members := 3
	for _, t := range texts {
		if t.value != "" {
			members++
		}
	}
	if v.Session != "" {
		members += 2
	}
	if v.Recovered != nil {
		members += 3
	}
	w.object(members)
	w.name("id").text(v.ID)
	w.name("type").text(string(v.Type))
	w.name("time").instant(v.Time)
	for _, t := range texts {
		if t.value != "" {
			w.name(t.name).text(t.value)
		}
	}
	if v.Session != "" {
		w.name("epoch").unsigned(v.Epoch)
		w.name("version").unsigned(v.Version)
	}
	if r := v.Recovered; r != nil {
		w.name("expected").unsigned(uint64(r.Expected))
		w.name("recovered").unsigned(uint64(r.Recovered))
		w.name("lost").unsigned(uint64(r.Lost))
	}
	w.end('}')
}
