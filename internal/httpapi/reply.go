package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
)

// reply writes v as JSON.
func reply(c *gin.Context, status int, v any) error {
	return replyAs(c, status, "application/json", v)
}

// replyAs encodes v whole before the first byte is sent, so that a value that cannot be encoded still gets an honest status.
func replyAs(c *gin.Context, status int, mediaType string, v any) error {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	send(c, status, mediaType, body.Bytes())
	return nil
}

// send writes a whole answer. An error of the write means that the caller went away; nobody is left to be told.
func send(c *gin.Context, status int, mediaType string, body []byte) {
	h := c.Writer.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.Status(status)
	c.Writer.WriteHeaderNow()
	if c.Request.Method == http.MethodHead {
		return
	}
	if _, err := c.Writer.Write(body); err != nil {
		_ = c.Error(fmt.Errorf("write the answer: %w", err))
	}
}

// instant is a time as the API writes it: RFC 3339 in UTC with milliseconds.
type instant time.Time

// IsZero makes omitzero leave out a time that is not set.
func (t instant) IsZero() bool { return time.Time(t).IsZero() }

// MarshalJSON writes the time.
func (t instant) MarshalJSON() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z07:00"`), nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
