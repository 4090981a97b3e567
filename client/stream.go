package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const typeEvents = "text/event-stream"

// silence is how long a stream that tells where it is every 15 s may say nothing until it is given up for lost.
const silence = 45 * time.Second

// maxEvent bounds an event of these streams: a message is at most 16 KiB, an event of the fleet less.
const maxEvent = 1 << 20

// stream is one answer of server-sent events.
type stream struct {
	events
	at     *address
	node   string
	date   string // when the node began to answer, by its wall clock
	body   io.Closer
	cancel context.CancelFunc
}

// close ends the connection.
func (s *stream) close() {
	s.cancel()
	_ = s.body.Close()
}

// open begins a stream, at whatever address answers. ctx may end once it has begun: it bounds the beginning alone. The stream lives until
// close, or as long as life.
func (c *Client) open(ctx, life context.Context, r *request, limit int64) (*stream, error) {
	r.method, r.accept, r.again = http.MethodGet, typeEvents, true
	var s *stream
	err := c.attempts(ctx, r, func(ctx context.Context, at *address, id string) *Error {
		var e *Error
		s, e = c.begin(ctx, life, r, at, id, limit)
		return e
	})
	return s, err
}

// begin is one attempt to open a stream.
func (c *Client) begin(ctx, life context.Context, r *request, at *address, id string, limit int64) (*stream, *Error) {
	life, cancel := context.WithCancel(life)
	late := time.AfterFunc(c.cfg.AttemptTimeout, cancel)
	left := context.AfterFunc(ctx, cancel)
	resp, e := c.send(life, r, at, id)
	inTime := late.Stop()
	stayed := left()
	switch {
	case e != nil:
		cancel()
		return nil, e
	case !inTime || !stayed:
		cancel()
		_ = resp.Body.Close()
		return nil, unanswered(r, id, context.DeadlineExceeded)
	}
	s := &stream{at: at, node: resp.Header.Get(nodeHeader), date: resp.Header.Get("Date"), body: resp.Body, cancel: cancel, events: *newEvents(resp.Body, limit)}
	if got, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); got != typeEvents {
		s.close()
		return nil, &Error{Code: CodeBrokenAnswer, Status: resp.StatusCode, RequestID: id, Node: s.node,
			Detail: "a stream of events was asked for, and " + strconv.Quote(got) + " came"}
	}
	return s, nil
}

// follow reads a stream of the fleet and takes it up again where it was, at another node if need be, until take says that it is enough, ctx
// ends, or it cannot go on. cursor is where it begins; take is given every event but bookmarks' and the end's, and where the stream is.
type follow struct {
	path   string
	query  url.Values
	cursor string // where it is; empty: it was not told yet
	begin  string // the query parameter that says where to begin
	at     func(data []byte) string
	take   func(name, cursor string, data []byte) (more bool, err error)
	marks  bool // take is given bookmarks too
}

func (c *Client) follow(ctx context.Context, f *follow) error {
	resumed := false
	for {
		r := &request{path: f.path, query: f.query, header: http.Header{}}
		if f.cursor != "" {
			if resumed {
				r.header.Set("Last-Event-ID", f.cursor)
			} else {
				r.query.Set(f.begin, f.cursor)
			}
		}
		s, err := c.open(ctx, ctx, r, min(maxEvent, c.cfg.MaxAnswer))
		if err != nil {
			return err
		}
		before := f.cursor
		more, err := c.read(ctx, s, f)
		s.close()
		switch {
		case err != nil:
			return err
		case !more:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if resumed = resumed || f.cursor != before; f.cursor == before {
			c.pool.failed(s.at, 0) // it told nothing: do not run in circles
			_, wait := c.pool.pick()
			if err := sleep(ctx, wait); err != nil {
				return err
			}
		}
	}
}

// read reads one stream to its end. more: it may be taken up again.
func (c *Client) read(ctx context.Context, s *stream, f *follow) (more bool, err error) {
	quiet := time.AfterFunc(silence, s.cancel)
	defer quiet.Stop()
	s.id = f.cursor
	for {
		ev, err := s.next()
		quiet.Reset(silence)
		switch {
		case errors.Is(err, errTooLong):
			return false, brokenEvent(f.path, err)
		case err != nil:
			if ctx.Err() == nil {
				c.cfg.Log.InfoContext(ctx, "a stream was lost and is begun again", "path", f.path, "node", s.node, "error", err)
			}
			return true, nil
		}
		f.cursor = ev.id
		switch ev.name {
		case "bookmark":
			if at := f.at(ev.data); at != "" {
				f.cursor, s.id = at, at
			}
			if !f.marks {
				continue
			}
		case "end":
			return f.ended(ev.data, s.node)
		}
		quiet.Stop() // whoever takes it may take its time
		if more, err := f.take(ev.name, f.cursor, ev.data); err != nil || !more {
			return false, err
		}
		quiet.Reset(silence)
	}
}

// ended says what the end of a stream means: another node goes on, unless there is nothing to go on with.
func (f *follow) ended(data []byte, node string) (more bool, err error) {
	var end struct{ Reason, Oldest, Latest, Detail string }
	_ = json.Unmarshal(data, &end) // without a reason it is a stream that was lost
	e := &Error{Title: "The stream ended: " + end.Reason, Detail: end.Detail, Node: node, Oldest: end.Oldest, Latest: end.Latest, request: "GET " + f.path}
	switch end.Reason {
	case "cursor-gone":
		if e.Code = "cursor-gone"; e.Oldest == "" && e.Latest == "" && f.cursor != "" {
			return true, nil // whoever is asked next says where to go on, or that nothing after this very cursor is missing
		}
	case "deleted", "expired":
		e.Code = "session-not-found"
	default:
		return true, nil
	}
	return false, e
}
