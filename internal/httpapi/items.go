package httpapi

import (
	"bytes"
	"encoding/json"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

// readItems splits a body into its items, which are not decoded yet.
func readItems(c *gin.Context) ([]json.RawMessage, error) {
	body, mediaType, err := readBody(c, MaxBatchBody, typeJSON, typeNDJSON)
	if err != nil {
		return nil, err
	}
	split := splitSessions
	if mediaType == typeNDJSON {
		split = splitLines
	}
	found, err := split(body)
	switch {
	case err != nil:
		return nil, err
	case found.count == 0:
		return nil, session.Invalid("sessions", "must hold at least one session")
	case found.count > session.MaxBatch:
		return nil, &session.TooLargeError{Thing: "sessions (their number)", Used: found.count, Limit: session.MaxBatch}
	}
	return found.kept, nil
}

// items counts what a batch holds and keeps no more of it than a batch may hold.
type items struct {
	kept  []json.RawMessage
	count int
}

func (it *items) add(item json.RawMessage) {
	if it.count++; it.count <= session.MaxBatch {
		it.kept = append(it.kept, item)
	}
}

// splitLines reads NDJSON: one item a line, empty lines aside.
func splitLines(body []byte) (items, error) {
	var found items
	for line := range bytes.Lines(body) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			found.add(line)
		}
	}
	return found, nil
}

// splitSessions reads {"sessions":[...]}. It leaves the items as they are, for one that cannot be read must not spoil the others.
func splitSessions(body []byte) (items, error) {
	p := newParser(body)
	found, err := p.wrapped("sessions")
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return items{}, bodyError(err)
	}
	return found, nil
}

// wrapped reads an object of one member, which is an array.
func (p parser) wrapped(name string) (found items, err error) {
	if err := p.expect(json.Delim('{'), session.Invalid("body", "must be a JSON object")); err != nil {
		return found, err
	}
	given := false
	for p.dec.More() {
		token, err := p.dec.Token()
		if err != nil {
			return found, err
		}
		switch member, _ := token.(string); {
		case member != name:
			return found, session.Invalid(clip(member), unknownField(member))
		case given:
			return found, session.Invalid(name, "is given twice")
		}
		given = true
		if err := p.elements(name, &found); err != nil {
			return found, err
		}
	}
	if _, err := p.dec.Token(); err != nil {
		return found, err
	}
	if !given {
		return found, session.Invalid(name, "is required")
	}
	return found, nil
}

func (p parser) elements(name string, found *items) error {
	if err := p.expect(json.Delim('['), session.Invalid(name, "must be an array")); err != nil {
		return err
	}
	for p.dec.More() {
		var item json.RawMessage
		if err := p.dec.Decode(&item); err != nil {
			return err
		}
		found.add(item)
	}
	_, err := p.dec.Token()
	return err
}

func (p parser) expect(want json.Token, otherwise error) error {
	token, err := p.dec.Token()
	if err == nil && token != want {
		return otherwise
	}
	return err
}
