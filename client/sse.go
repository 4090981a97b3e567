package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// event is one server-sent event (HTML Living Standard, section 9.2).
type event struct {
	name string // "message" where none is given
	data []byte
	id   string // the last that the stream has told, with this event or before
}

// events reads a stream of server-sent events.
type events struct {
	in     *bufio.Reader
	limit  int64 // of one event, in bytes
	id     string
	begun  bool // the first line was read, which may begin with a byte order mark
	skipLF bool // the last line ended in a carriage return, of which a line feed may be part
}

func newEvents(in io.Reader, limit int64) *events {
	return &events{in: bufio.NewReaderSize(in, 16<<10), limit: limit}
}

var errTooLong = errors.New("an event is too long")

// next returns the next event. An event that the stream's end cuts off is none. It fails with the reader's error, or where an event is over
// the limit.
func (s *events) next() (event, error) {
	var ev event
	var data bytes.Buffer
	given, used := false, int64(0)
	for {
		line, err := s.line(s.limit - used)
		if err != nil {
			return event{}, err
		}
		if len(line) == 0 {
			if !given {
				ev.name, used = "", 0
				continue
			}
			ev.data, ev.id, ev.name = data.Bytes(), s.id, or(ev.name, "message")
			return ev, nil
		}
		if line[0] == ':' { // a comment, which keeps a connection alive
			continue
		}
		used += int64(len(line))
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			ev.name = string(value)
		case "data":
			if given {
				data.WriteByte('\n')
			}
			given = true
			data.Write(value)
		case "id":
			if id := string(value); !strings.Contains(id, "\x00") {
				s.id = id
			}
		}
	}
}

// line reads to the next end of a line, which is a line feed, a carriage return or both, and waits for nothing behind it.
func (s *events) line(most int64) ([]byte, error) {
	var line []byte
	for {
		if _, err := s.in.Peek(1); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		chunk, _ := s.in.Peek(s.in.Buffered())
		if s.skipLF {
			s.skipLF = false
			if chunk[0] == '\n' {
				_, _ = s.in.Discard(1)
				continue
			}
		}
		end := bytes.IndexAny(chunk, "\r\n")
		if end < 0 {
			end = len(chunk)
		}
		if int64(len(line)+end) > most {
			return nil, fmt.Errorf("%w: more than %d bytes", errTooLong, s.limit)
		}
		line = append(line, chunk[:end]...)
		if end == len(chunk) {
			_, _ = s.in.Discard(end)
			continue
		}
		s.skipLF = chunk[end] == '\r'
		_, _ = s.in.Discard(end + 1)
		if !s.begun {
			s.begun = true
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		return line, nil
	}
}
