package httpapi

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"orchestrator/internal/session"
)

// parseObject reads a JSON text that must be one object and nothing after it. It keeps integers exact (int64, or uint64 above
// that; larger ones are refused) and makes other numbers, and -0, float64. Errors are *session.InvalidError and name the member where
// there is one.
func parseObject(text []byte) (map[string]any, error) { return parseDeeper(text, 0) }

// parseDeeper is parseObject of what may nest deeper by some levels.
func parseDeeper(text []byte, deeper int) (map[string]any, error) {
	src := newJSON(text)
	object, err := values{src, deeper}.object(len(text))
	if err == nil {
		err = src.end()
	}
	if err != nil {
		return nil, bodyError(err)
	}
	return object, nil
}

// parseAny reads a JSON text that the program itself has written.
func parseAny(text []byte) (any, error) { return values{source: newJSON(text)}.next(0) }

// jsonSource is a source of JSON (RFC 8259), read token by token.
type jsonSource struct {
	text  []byte
	dec   *jsontext.Decoder
	limit int64 // where the value at hand must end
	texts texts
}

func newJSON(text []byte) *jsonSource {
	j := &jsonSource{dec: new(jsontext.Decoder)}
	j.reset(text)
	return j
}

// reset begins with another text. That no member is given twice is for whoever collects them to see.
func (j *jsonSource) reset(text []byte) {
	j.text, j.limit = text, int64(len(text))
	j.dec.Reset(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true))
}

func (j *jsonSource) begin(limit int) mark {
	at := int(j.dec.InputOffset())
	for at < len(j.text) && strings.IndexByte(" \t\r\n,", j.text[at]) >= 0 {
		at++
	}
	j.limit = int64(at + limit)
	return mark{at, j.dec.StackDepth()}
}

func (j *jsonSource) leave(from mark) (int, error) {
	for j.dec.StackDepth() > from.depth {
		if _, err := j.dec.ReadToken(); err != nil {
			return 0, err
		}
	}
	return int(j.dec.InputOffset()) - from.at, nil
}

func (j *jsonSource) value() (any, container, error) {
	kind := j.dec.PeekKind()
	if kind == '{' || kind == '[' {
		_, err := j.dec.ReadToken()
		return nil, container{kind: byte(kind)}, err
	}
	raw, err := j.dec.ReadValue()
	if err != nil {
		return nil, container{}, err
	}
	if j.dec.InputOffset() > j.limit {
		return nil, container{}, errTooLong
	}
	switch byte(kind) {
	case 'n':
		return nil, container{}, nil
	case 't', 'f':
		return kind == 't', container{}, nil
	case '"':
		s, err := j.string(raw)
		return s, container{}, err
	}
	n, err := number(raw)
	return n, container{}, err
}

func (j *jsonSource) name() (string, error) {
	raw, err := j.dec.ReadValue()
	if err != nil {
		return "", err
	}
	return j.string(raw)
}

func (j *jsonSource) string(raw jsontext.Value) (string, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return j.texts.of(raw[1 : len(raw)-1]), nil
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	return j.texts.of(text), err
}

func (j *jsonSource) more(in container, _ int) (bool, error) {
	if kind := j.dec.PeekKind(); kind != '}' && kind != ']' { // where it is the wrong one, reading it fails
		return true, nil
	}
	_, err := j.dec.ReadToken()
	return false, err
}

// end fails where anything follows what was read.
func (j *jsonSource) end() error {
	if _, err := j.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return session.Invalid("body", "must hold one JSON value and nothing after it")
	}
	return nil
}

func number(raw []byte) (any, error) {
	if bytes.ContainsAny(raw, ".eE") || string(raw) == "-0" { // no integer is: the double -0.0 is written so, and is to be read as what it was
		f, err := strconv.ParseFloat(string(raw), 64)
		if err != nil {
			return nil, &memberError{reason: clip(string(raw)) + " is out of a 64-bit number's range"}
		}
		return f, nil
	}
	if i, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(string(raw), 10, 64); err == nil {
		return u, nil
	}
	return nil, &memberError{reason: clip(string(raw)) + " does not fit in 64 bits: send it as a string"}
}
