package httpapi

import (
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// document is an answer that writes itself. Those that hold sessions do, for they are what much is asked for; others are written by reflection.
type document interface{ write(w *writer) }

// writer writes a document in JSON, or in MessagePack. The caller says how many members and elements follow, and names each member.
type writer struct {
	out    []byte
	packed bool     // MessagePack
	names  []string // of the maps being written, in their order
	err    error    // the first
}

var writers = sync.Pool{New: func() any { return new(writer) }}

// keptBuffer is the largest buffer that a writer keeps for its next document, in bytes: a page of a thousand small sessions.
const keptBuffer = 1 << 20

func newWriter(packed bool) *writer {
	w := writers.Get().(*writer)
	w.packed = packed
	return w
}

// free gives the writer back, and with it what it wrote.
func (w *writer) free() {
	if w.reset(); cap(w.out) <= keptBuffer {
		writers.Put(w)
	}
}

func (w *writer) reset() {
	clear(w.names[:cap(w.names)]) // they would keep the sessions that they are of
	*w = writer{out: w.out[:0], names: w.names[:0]}
}

// object begins an object; end('}') ends it.
func (w *writer) object(members int) {
	if w.packed {
		w.out = appendMapLen(w.out, members)
		return
	}
	w.separate()
	w.out = append(w.out, '{')
}

// array begins an array; end(']') ends it.
func (w *writer) array(elements int) {
	if w.packed {
		w.out = appendArrayLen(w.out, elements)
		return
	}
	w.separate()
	w.out = append(w.out, '[')
}

func (w *writer) end(delimiter byte) {
	if !w.packed {
		w.out = append(w.out, delimiter)
	}
}

// separate puts a comma before what follows another value.
func (w *writer) separate() {
	if n := len(w.out); n > 0 && w.out[n-1] != '{' && w.out[n-1] != '[' && w.out[n-1] != ':' {
		w.out = append(w.out, ',')
	}
}

// name writes the name of the member whose value comes next, one of the API's own.
func (w *writer) name(name string) *writer {
	w.plain(name)
	if !w.packed {
		w.out = append(w.out, ':')
	}
	return w
}

// key is name for any string.
func (w *writer) key(name string) {
	w.text(name)
	if !w.packed {
		w.out = append(w.out, ':')
	}
}

// text writes a string; what is not UTF-8 in it is replaced.
func (w *writer) text(s string) {
	if w.packed {
		if !utf8.ValidString(s) {
			s = strings.ToValidUTF8(s, "\ufffd")
		}
		w.out = appendText(w.out, s)
		return
	}
	w.separate()
	w.out, _ = jsontext.AppendQuote(w.out, s)
}

// plain writes a string that is known to need no escapes.
func (w *writer) plain(s string) {
	if w.packed {
		w.out = appendText(w.out, s)
		return
	}
	w.separate()
	w.out = append(w.out, '"')
	w.out = append(w.out, s...)
	w.out = append(w.out, '"')
}

func (w *writer) signed(n int64) {
	if w.packed {
		w.out = appendSigned(w.out, n)
		return
	}
	w.separate()
	w.out = strconv.AppendInt(w.out, n, 10)
}

func (w *writer) unsigned(n uint64) {
	if w.packed {
		w.out = appendUnsigned(w.out, n)
		return
	}
	w.separate()
	w.out = strconv.AppendUint(w.out, n, 10)
}

// float writes a finite number, so that it can be read again: one that no integer of 64 bits can be has an exponent.
func (w *writer) float(f float64) {
	switch {
	case w.packed:
		w.out = appendFloat(w.out, f)
	case f >= 1<<64 || f < -1<<63:
		w.separate()
		w.out = strconv.AppendFloat(w.out, f, 'e', -1, 64)
	default:
		w.separate()
		w.out = jsontext.AppendFloat(w.out, f, 64)
	}
}

// literal writes nil, true or false.
func (w *writer) literal(json string, packed byte) {
	if w.packed {
		w.out = append(w.out, packed)
		return
	}
	w.separate()
	w.out = append(w.out, json...)
}

func (w *writer) instant(t time.Time) {
	var text [instantLength]byte
	w.plain(string(instant(t).append(text[:0])))
}
