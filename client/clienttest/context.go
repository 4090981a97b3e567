package clienttest

import (
	"fmt"
	"net/http"
	"time"
)

const maxContext = 256 << 10

// blob is a session's context.
type blob struct {
	data        []byte
	contentType string
	etag        string
	at          time.Time
}

func (n *node) getContext(w http.ResponseWriter, r *http.Request) *problem {
	s, p := n.find(r)
	if p != nil {
		return p
	}
	if s.context == nil {
		return refuse(http.StatusNotFound, "context-not-found", "no context is kept with this session")
	}
	h := w.Header()
	h.Set("Content-Type", s.context.contentType)
	h.Set("ETag", s.context.etag)
	h.Set("Last-Modified", s.context.at.Format(http.TimeFormat))
	if r.Header.Get("If-None-Match") == s.context.etag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	_, _ = w.Write(s.context.data)
	return nil
}

// contextHolds checks the conditions of a change to a context.
func contextHolds(r *http.Request, s *session) *problem {
	current := ""
	if s.context != nil {
		current = s.context.etag
	}
	if r.Header.Get("If-None-Match") == "*" && current != "" {
		p := refuse(http.StatusPreconditionFailed, "version-mismatch", "a context is kept already")
		p.CurrentETag = current
		return p
	}
	return holds(r, s, current)
}

func (n *node) putContext(w http.ResponseWriter, r *http.Request) *problem {
	s, p := n.find(r)
	if p != nil {
		return p
	}
	if p := contextHolds(r, s); p != nil {
		return p
	}
	data, p := body(r, maxContext)
	if p != nil {
		return p
	}
	status := http.StatusNoContent
	if s.context == nil {
		status = http.StatusCreated
	}
	s.context = &blob{data, r.Header.Get("Content-Type"), fmt.Sprintf(`"c%d"`, n.fleet.nextSerial()), time.Now().UTC()}
	if s.context.contentType == "" {
		s.context.contentType = "application/octet-stream"
	}
	w.Header().Set("ETag", s.context.etag)
	w.WriteHeader(status)
	return nil
}

func (n *node) deleteContext(w http.ResponseWriter, r *http.Request) *problem {
	s, p := n.find(r)
	if p != nil {
		return p
	}
	if p := contextHolds(r, s); p != nil {
		return p
	}
	if s.context == nil {
		return refuse(http.StatusNotFound, "context-not-found", "no context is kept with this session")
	}
	s.context = nil
	w.WriteHeader(http.StatusNoContent)
	return nil
}
