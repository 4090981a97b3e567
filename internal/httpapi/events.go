package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
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
	for line := range strings.SplitSeq(strings.Join(h.Values("Accept"), ","), ",") {
		mediaType, params, err := mime.ParseMediaType(line)
		if err != nil || mediaType != typeEvents {
			continue
		}
		q, err := strconv.ParseFloat(params["q"], 64)
		return err != nil || q > 0
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
func (e *events) send(name string, data any) error {
	var text bytes.Buffer
	text.WriteString("event: " + name + "\ndata: ")
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(data); err != nil {
		return fmt.Errorf("encode the event %s: %w", name, err)
	}
	text.WriteByte('\n')
	if err := e.control.SetWriteDeadline(time.Now().Add(e.timeout)); err != nil {
		return fmt.Errorf("set the time for an event: %w", err)
	}
	if _, err := e.out.Write(text.Bytes()); err != nil {
		return err
	}
	return e.control.Flush()
}
