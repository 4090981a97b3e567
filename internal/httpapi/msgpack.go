package httpapi

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"orchestrator/internal/session"
)

// parsePacked reads a MessagePack body that must be one map and nothing after it, as parseObject reads JSON: the same values for what both can
// say. What JSON cannot say is refused, because a session must be the same to readers of either.
func parsePacked(body []byte) (map[string]any, error) { return parsePackedUpTo(body, MaxBody, 0) }

// parsePackedUpTo is parsePacked where the body may say as much as one in JSON of limit bytes, and nest deeper by some levels.
func parsePackedUpTo(body []byte, limit, deeper int) (map[string]any, error) {
	src, err := newMsgpack(body, limit)
	if err != nil {
		return nil, err
	}
	object, err := values{src, deeper}.object(len(body))
	if err != nil {
		return nil, bodyError(err)
	}
	return object, nil
}

// msgpackSource is a source of MessagePack whose heads have all been checked: what a value says of its length is there.
type msgpackSource struct {
	body  []byte
	at    int
	limit int // where the value at hand must end
	texts texts
}

// newMsgpack refuses a body that is not one whole value, or would have more than limit bytes as JSON. It takes no memory for that, however deep
// the body nests and whatever it promises.
func newMsgpack(body []byte, limit int) (*msgpackSource, error) {
	x, err := measure(body, 0)
	switch {
	case err != nil:
		return nil, session.Invalid("body", "is not valid msgpack: "+err.Error())
	case x.end < len(body):
		return nil, session.Invalid("body", "must hold one msgpack value and nothing after it")
	case x.json > limit: // a byte may hold an object, of which each takes memory
		return nil, &session.TooLargeError{Thing: "body as JSON", Used: x.json, Limit: limit}
	}
	return &msgpackSource{body: body, limit: len(body)}, nil
}

func (m *msgpackSource) begin(limit int) mark {
	m.limit = m.at + limit
	return mark{at: m.at}
}

func (m *msgpackSource) leave(from mark) (int, error) {
	x, err := measure(m.body, from.at)
	m.at = x.end
	return x.end - from.at, err
}

func (m *msgpackSource) value() (any, container, error) {
	h, own := m.next()
	if m.at > m.limit {
		return nil, container{}, errTooLong
	}
	switch {
	case h.kind == packedObject:
		return nil, container{'{', h.children / 2}, nil
	case h.kind == packedArray:
		return nil, container{'[', h.children}, nil
	}
	v, err := m.scalar(h.kind, own)
	return v, container{}, err
}

// next returns the next head and the value's own bytes behind it, and goes on to what follows these.
func (m *msgpackSource) next() (h head, own []byte) {
	h, _ = headOf(m.body[m.at:])
	own = m.body[m.at+h.lead:][:h.size]
	m.at += h.lead + h.size
	return h, own
}

func (m *msgpackSource) scalar(kind packedKind, own []byte) (any, error) {
	switch kind {
	case packedNil:
		return nil, nil
	case packedFalse, packedTrue:
		return kind == packedTrue, nil
	case packedUnsigned:
		if u := bigEndian(own); u > math.MaxInt64 {
			return u, nil
		}
		return int64(bigEndian(own)), nil
	case packedSigned:
		unused := 64 - 8*len(own)
		return int64(bigEndian(own)<<unused) >> unused, nil
	case packedFloat:
		return finite(own)
	case packedText:
		if !utf8.Valid(own) {
			return nil, &memberError{reason: "must be valid UTF-8"}
		}
		return m.texts.of(own), nil
	case packedBinary:
		return nil, &memberError{reason: "is binary (msgpack bin), which JSON cannot hold: send text, such as base64"}
	case packedNever, packedExtension, packedArray, packedObject: // extensions alone come here
	}
	return nil, &memberError{reason: "is a msgpack extension, which JSON cannot hold: send times as RFC 3339 text"}
}

func finite(own []byte) (any, error) {
	f := math.Float64frombits(bigEndian(own))
	if len(own) == 4 {
		f = float64(math.Float32frombits(uint32(bigEndian(own))))
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, &memberError{reason: "must be a finite number"}
	}
	return f, nil
}

func bigEndian(own []byte) uint64 {
	var wide [8]byte
	copy(wide[8-len(own):], own)
	return binary.BigEndian.Uint64(wide[:])
}

func (m *msgpackSource) name() (string, error) {
	h, own := m.next()
	if h.kind != packedText || !utf8.Valid(own) {
		return "", &memberError{reason: "has a member whose name is not a string of valid UTF-8"}
	}
	return m.texts.of(own), nil
}

func (m *msgpackSource) more(in container, i int) (bool, error) { return i < in.count, nil }
