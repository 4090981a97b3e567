package httpapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// value writes what a session's config may hold, and documents. Anything else is written as encoding/json sees it.
func (w *writer) value(v any) {
	switch v := v.(type) {
	case document:
		v.write(w)
	case nil:
		w.literal("null", 0xc0)
	case bool:
		if v {
			w.literal("true", 0xc3)
		} else {
			w.literal("false", 0xc2)
		}
	case string:
		w.text(v)
	case int64:
		w.signed(v)
	case uint64:
		w.unsigned(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			w.foreign(v)
		} else {
			w.float(v)
		}
	case map[string]any:
		writeMap(w, v, w.value)
	case []any:
		w.array(len(v))
		for _, element := range v {
			w.value(element)
		}
		w.end(']')
	default:
		w.foreign(v)
	}
}

// writeMap writes a map in the order of its names, so that equal sessions have equal texts.
func writeMap[V any](w *writer, m map[string]V, value func(V)) {
	from := len(w.names)
	for name := range m {
		w.names = append(w.names, name)
	}
	names := w.names[from:]
	slices.Sort(names)
	w.object(len(names))
	for _, name := range names {
		w.key(name)
		value(m[name])
	}
	w.end('}')
	w.names = w.names[:from]
}

// foreign writes what encoding/json makes of v; in MessagePack, the same again.
func (w *writer) foreign(v any) {
	text, err := marshal(v)
	if err == nil && w.packed {
		var read any
		if read, err = parseAny(text); err == nil {
			w.value(read)
		}
	} else if err == nil {
		w.separate()
		w.out = append(w.out, text...)
	}
	w.err = cmp.Or(w.err, err)
}

func marshal(v any) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// json writes a value that is JSON already, in one line; in MessagePack, what it says.
func (w *writer) json(text []byte) {
	if !w.packed && !bytes.ContainsAny(text, "\r\n") {
		w.separate()
		w.out = append(w.out, text...)
		return
	}
	v, err := parseAny(text)
	if w.err = cmp.Or(w.err, err); err == nil {
		w.value(v)
	}
}
