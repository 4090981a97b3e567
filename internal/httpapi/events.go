package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
)

const typeEvents = "text/event-stream"

// streams reports whether the request is answered by a stream: its route has one, and the caller accepts it.
func (a *api) streams(c *gin.Context) bool {
	path, h := c.FullPath(), c.Request.Header
	return c.Request.Method == http.MethodGet && a.follows[path] != nil && (acceptsStream(h, typeEvents) || a.lines[path] && acceptsStream(h, typeNDJSON))
}

// acceptsStream reports whether Accept names a stream's media type itself, which nobody does who wants anything else.
func acceptsStream(h http.Header, stream string) bool {
	for mediaType, q := range accepted(h) {
		if mediaType == stream {
			return q > 0
		}
	}
	return false
}

// events is an answer of server-sent events (HTML Living Standard, section 9.2).
type events struct {
	out     gin.ResponseWriter
	control *http.ResponseController
	timeout time.Duration // for one event
}

// openEvents begins the answer.
func openEvents(c *gin.Context, timeout time.Duration) *events {
	return openStream(c, typeEvents, timeout)
}

// openStream begins an answer of any type that goes on and on.
func openStream(c *gin.Context, mediaType string, timeout time.Duration) *events {
	h := c.Writer.Header()
	h.Set("Content-Type", mediaType)
	h.Set("X-Accel-Buffering", "no") // nginx would keep events back
	c.Status(http.StatusOK)
	return &events{c.Writer, http.NewResponseController(beneath(c.Writer)), timeout}
}

// beneath returns the server's own writer: gin's hides the errors of Flush.
func beneath(w gin.ResponseWriter) http.ResponseWriter {
	if wrapped, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return wrapped.Unwrap()
	}
	return w
}

// send writes one event and sees it off. A caller that does not read is given up after the time-out, which takes the place of the server's
// limit for a whole answer.
func (e *events) send(name string, data any) error { return e.sendAt("", name, data) }

// sendAt is send for an event with an id: what a caller that comes back names in Last-Event-ID. An event without one ("") leaves what the
// caller remembers as it is. Neither id nor name may hold a line's end.
func (e *events) sendAt(id, name string, data any) error {
	if err := e.write(id, name, data); err != nil {
		return err
	}
	return e.control.Flush()
}

// write is sendAt for an event that others follow at once: the last of them sees it off.
func (e *events) write(id, name string, data any) error {
	w := newWriter(false)
	defer w.free()
	if w.value(data); w.err != nil {
		return fmt.Errorf("event %s: %w", name, w.err)
	}
	head := "event: " + name + "\n"
	if id != "" {
		head = "id: " + id + "\n" + head
	}
	return e.bytes(slices.Concat([]byte(head+"data: "), w.out, []byte("\n\n")))
}

// bytes writes a part of the answer, which has its own time limit.
func (e *events) bytes(text []byte) error {
	if err := e.control.SetWriteDeadline(time.Now().Add(e.timeout)); err != nil {
		return fmt.Errorf("set the time for an event: %w", err)
	}
	_, err := e.out.Write(text)
	return err
}

// headerLastEventID is how a caller that comes back says where it was (HTML Living Standard, section 9.2.4).
const headerLastEventID = "Last-Event-ID"

// lastEventID returns where a caller that comes back says it was; "" where it comes for the first time.
func lastEventID(h http.Header) string { return h.Get(headerLastEventID) }
