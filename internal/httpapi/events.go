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
	return c.Request.Method == http.MethodGet && a.follows[c.FullPath()] != nil && acceptsEvents(c.Request.Header)
}

// acceptsEvents reports whether Accept names text/event-stream itself, which nobody does who wants anything else.
func acceptsEvents(h http.Header) bool {
	for mediaType, q := range accepted(h) {
		if mediaType == typeEvents {
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
	h := c.Writer.Header()
	h.Set("Content-Type", typeEvents)
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

// sendAt is send with an id, from which the caller may go on later; "": none.
func (e *events) sendAt(id, name string, data any) error {
	w := newWriter(false)
	defer w.free()
	if w.value(data); w.err != nil {
		return fmt.Errorf("event %s: %w", name, w.err)
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	text := slices.Concat([]byte(id+"event: "+name+"\ndata: "), w.out, []byte("\n\n"))
	if err := e.control.SetWriteDeadline(time.Now().Add(e.timeout)); err != nil {
		return fmt.Errorf("set the time for an event: %w", err)
	}
	if _, err := e.out.Write(text); err != nil {
		return err
	}
	return e.control.Flush()
}
