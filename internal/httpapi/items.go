package httpapi

import (
	"bytes"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

// readItems reads the items of a batch's body. It fails where the body is broken or holds none or too many; what is wrong with an item is
// in the batch, for it must not spoil the others.
func readItems(c *gin.Context) (*batch, error) {
	body, mediaType, err := readBody(c, MaxBatchBody, typeJSON, typeNDJSON)
	if err != nil {
		return nil, err
	}
	b := new(batch)
	switch {
	case body == nil:
		err = session.Invalid("body", "is required")
	case mediaType == typeNDJSON:
		b.readLines(body)
	case packed(mediaType):
		err = b.readPacked(body)
	default:
		err = b.readJSON(body)
	}
	switch {
	case err != nil:
		return nil, bodyError(err)
	case len(b.wrong) == 0:
		return nil, session.Invalid("sessions", "must hold at least one session")
	case b.beyond > 0:
		return nil, &session.TooLargeError{Thing: "sessions (their number)", Used: len(b.wrong) + b.beyond, Limit: session.MaxBatch}
	}
	return b, nil
}

// readLines reads NDJSON: one item a line, empty lines aside.
func (b *batch) readLines(body []byte) {
	src := newJSON(nil)
	for line := range bytes.Lines(body) {
		if line = bytes.TrimSpace(line); len(line) == 0 || b.full() {
			continue
		}
		src.reset(line)
		members, err := values{source: src}.object(MaxBody)
		if err == nil {
			err = src.end()
		}
		b.add(members, err)
	}
}

func (b *batch) readJSON(body []byte) error {
	src := newJSON(body)
	if err := b.readSessions(values{source: src}); err != nil {
		return err
	}
	return src.end()
}

func (b *batch) readPacked(body []byte) error {
	src, err := newMsgpack(body, MaxBatchBody)
	if err != nil {
		return err
	}
	return b.readSessions(values{source: src})
}

// readSessions reads {"sessions":[...]}.
func (b *batch) readSessions(vs values) error {
	const name = "sessions"
	_, in, err := vs.value()
	switch {
	case err != nil:
		return err
	case in.kind != '{':
		return session.Invalid("body", "must be an object")
	}
	for i := 0; ; i++ {
		more, err := vs.more(in, i)
		switch {
		case err != nil:
			return err
		case !more && i == 0:
			return session.Invalid(name, "is required")
		case !more:
			return nil
		}
		member, err := vs.name()
		switch {
		case err != nil:
			return err
		case member != name:
			return session.Invalid(clip(member), unknownField(member))
		case i > 0:
			return session.Invalid(name, "is given twice")
		}
		if err := b.readArray(vs, name); err != nil {
			return err
		}
	}
}

func (b *batch) readArray(vs values, name string) error {
	_, in, err := vs.value()
	switch {
	case err != nil:
		return within(name, err)
	case in.kind != '[':
		return session.Invalid(name, "must be an array")
	}
	b.drafts = make([]session.Draft, 0, min(in.count, session.MaxBatch))
	for i := 0; ; i++ {
		if more, err := vs.more(in, i); err != nil || !more {
			return err
		}
		if err := b.readItem(vs); err != nil {
			return err
		}
	}
}

// readItem reads one item; of those past the limit it only sees that they are there.
func (b *batch) readItem(vs values) error {
	if b.full() {
		return vs.skip()
	}
	members, err := vs.object(MaxBody)
	if err != nil && !refused(err) {
		return err
	}
	b.add(members, err)
	return nil
}
