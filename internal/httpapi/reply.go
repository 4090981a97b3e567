package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
)

// reply writes v in the encoding that the caller asks for.
func reply(c *gin.Context, status int, v any) error {
	c.Writer.Header()["Vary"] = varies
	return replyAs(c, status, answerType(c.Request.Header), v)
}

var varies = []string{"Accept"} // of every answer that has two encodings; nobody changes it

// replyAs encodes v whole before the first byte is sent, so that a value that cannot be encoded still gets an honest status.
func replyAs(c *gin.Context, status int, mediaType string, v any) error {
	w := newWriter(packed(mediaType))
	defer w.free()
	if w.value(v); w.err != nil {
		return w.err
	}
	if !w.packed {
		w.out = append(w.out, '\n')
	}
	send(c, status, mediaType, w.out)
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

// pagePolicy is the Content-Security-Policy of a page that has this style between <style> and </style>, and loads nothing.
func pagePolicy(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// instant is a time as the API writes it: RFC 3339 in UTC with milliseconds.
type instant time.Time

// IsZero makes omitzero leave out a time that is not set.
func (t instant) IsZero() bool { return time.Time(t).IsZero() }

const instantLength = len("2006-01-02T15:04:05.000Z")

// append appends the time. AppendFormat is fast for RFC 3339 without fractions; the milliseconds are put in before the Z.
func (t instant) append(b []byte) []byte {
	b = time.Time(t).UTC().AppendFormat(b, time.RFC3339)
	ms := time.Time(t).Nanosecond() / int(time.Millisecond)
	return append(b[:len(b)-1], '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}

// MarshalJSON writes the time.
func (t instant) MarshalJSON() ([]byte, error) {
	text := make([]byte, 1, instantLength+2)
	text[0] = '"'
	return append(t.append(text), '"'), nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
