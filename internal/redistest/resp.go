package redistest

import (
	"bytes"
	"strconv"
)

// respStream finds the whole top-level values in one direction of a Redis
// connection, however the bytes arrive. It understands RESP2 and RESP3.
type respStream struct {
	rest []byte // the beginning of a value that is not whole yet
}

// feed takes further bytes and returns the values they complete, each as its
// top-level elements: a command's arguments, or a reply's. Pushes, which answer
// nothing, are left out.
func (s *respStream) feed(p []byte) [][][]byte {
	s.rest = append(s.rest, p...)
	var values [][][]byte
	for len(s.rest) > 0 {
		push := s.rest[0] == '>'
		elements, n := parseValue(s.rest)
		if n == 0 {
			break
		}
		if !push {
			values = append(values, elements)
		}
		s.rest = s.rest[n:]
	}
	s.rest = append([]byte(nil), s.rest...)
	return values
}

// within reports whether a value has begun and not ended.
func (s *respStream) within() bool { return len(s.rest) > 0 }

// parseValue returns the elements of the value at the start of b and its whole
// length, or 0 if it does not end within b.
func parseValue(b []byte) (elements [][]byte, length int) {
	end := bytes.Index(b, []byte("\r\n"))
	if end < 0 {
		return nil, 0
	}
	head, length := b[1:end], end+2
	switch b[0] {
	case '$', '=', '!': // bulk string, verbatim string, bulk error
		size, _ := strconv.Atoi(string(head))
		if size < 0 {
			return [][]byte{nil}, length
		}
		if len(b) < length+size+2 {
			return nil, 0
		}
		return [][]byte{b[length : length+size : length+size]}, length + size + 2
	case '*', '~', '>', '%', '|': // array, set, push, map, attribute
		return parseElements(b, head, length)
	default: // one line
		return [][]byte{head}, length
	}
}

func parseElements(b, head []byte, length int) ([][]byte, int) {
	count, _ := strconv.Atoi(string(head))
	if b[0] == '%' || b[0] == '|' {
		count *= 2
	}
	if b[0] == '|' {
		count++ // an attribute stands before the value it belongs to
	}
	var elements [][]byte
	for range max(count, 0) {
		inner, n := parseValue(b[length:])
		if n == 0 {
			return nil, 0
		}
		elements = append(elements, bytes.Join(inner, nil))
		length += n
	}
	return elements, length
}
