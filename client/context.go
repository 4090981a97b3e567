package client

import (
	"context"
	"net/http"
	"time"
)

// Blob is the opaque state that a session's process keeps with the session: its context.
type Blob struct {
	Data         []byte // up to 256 KiB
	ContentType  string // up to 255 characters
	ETag         string // names this state; a session's own ETag does not change by its context, nor the other way about
	LastModified time.Time
}

// GetContext returns a session's context. It fails with ErrNotFound where there is no session, or none is kept with it.
func (c *Client) GetContext(ctx context.Context, id string, how ...Consistency) (Blob, error) {
	path, err := sessionPath(id, "/context")
	if err != nil {
		return Blob{}, err
	}
	a, err := c.call(ctx, &request{method: http.MethodGet, path: path, accept: "*/*", query: last(how).query(nil)}, nil)
	if err != nil {
		return Blob{}, err
	}
	return blob(a), nil
}

func blob(a answer) Blob {
	b := Blob{Data: a.body, ContentType: a.header.Get("Content-Type"), ETag: a.header.Get("ETag")}
	if t, err := http.ParseTime(a.header.Get("Last-Modified")); err == nil {
		b.LastModified = t
	}
	return b
}

// ContextCondition is what must hold for a context to be changed; the zero one always holds.
type ContextCondition struct {
	Condition

	Absent bool // none may be kept yet, else ErrVersionMismatch; not with IfMatch
}

// PutContext keeps data with a session, in place of what was kept, and returns its ETag. contentType "" is application/octet-stream. It fails
// with ErrTooLarge over 256 KiB. It is repeated after a lost answer only under IfMatch or Absent, as PatchSession is.
func (c *Client) PutContext(ctx context.Context, id string, data []byte, contentType string, cond ContextCondition) (etag string, err error) {
	path, err := sessionPath(id, "/context")
	if err != nil {
		return "", err
	}
	if err := headerText("contentType", contentType, 255); err != nil {
		return "", err
	}
	if data == nil {
		data = []byte{}
	}
	r := &request{method: http.MethodPut, path: path, body: data, contentType: or(contentType, "application/octet-stream")}
	if err := r.onContext(cond); err != nil {
		return "", err
	}
	a, err := c.call(ctx, r, nil)
	if err != nil {
		return "", err
	}
	return a.header.Get("ETag"), nil
}

// DeleteContext removes what is kept with a session. It is repeated after a lost answer only under IfMatch, as PatchSession is.
func (c *Client) DeleteContext(ctx context.Context, id string, cond Condition) error {
	path, err := sessionPath(id, "/context")
	if err != nil {
		return err
	}
	r := &request{method: http.MethodDelete, path: path}
	if err := r.on(cond); err != nil {
		return err
	}
	_, err = c.call(ctx, r, nil)
	return err
}

func (r *request) onContext(cond ContextCondition) error {
	if cond.Absent && cond.IfMatch != "" {
		return invalid("Absent", "excludes IfMatch")
	}
	if err := r.on(cond.Condition); err != nil {
		return err
	}
	if cond.Absent {
		r.header.Set("If-None-Match", "*")
		r.again = true
	}
	return nil
}
