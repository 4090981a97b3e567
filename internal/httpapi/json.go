package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"orchestrator/internal/session"
)

// parseObject reads a JSON text that must be one object and nothing after it. It keeps integers exact (int64, or uint64 above
// that; larger ones are refused), makes other numbers float64, and refuses members given twice, of which encoding/json would
// keep the last in silence. Errors are *session.InvalidError and name the member where there is one.
func parseObject(text []byte) (map[string]any, error) {
	p := newParser(text)
	var v any
	err := p.dec.Decode(&v)
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return nil, bodyError(err)
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, session.Invalid("body", "must be a JSON object")
	}
	var w walk
	if _, err := w.settle(object, 0); err != nil {
		return nil, bodyError(err)
	}
	if w.members != colons(text) {
		return nil, bodyError(cmp.Or(newParser(text).twice(), session.Invalid("body", "gives a member twice")))
	}
	return object, nil
}

// walk goes through a decoded value once, settles its numbers in place and counts the members of its objects.
type walk struct{ members int }

// settle returns v with every number settled; depth counts the objects and arrays around v.
func (w *walk) settle(v any, depth int) (_ any, err error) {
	switch v := v.(type) {
	case json.Number:
		return number(v)
	case map[string]any:
		w.members += len(v)
		for name, member := range v {
			if v[name], err = w.settle(member, depth+1); err != nil {
				return nil, within(name, err)
			}
		}
	case []any:
		for i, element := range v {
			if v[i], err = w.settle(element, depth+1); err != nil {
				return nil, within("["+strconv.Itoa(i)+"]", err)
			}
		}
	default: // string, bool, nil
		return v, nil
	}
	if depth > MaxConfigDepth {
		return nil, &memberError{reason: fmt.Sprintf("nests deeper than %d levels", MaxConfigDepth), outermost: true}
	}
	return v, nil
}

func number(n json.Number) (any, error) {
	s := n.String()
	if strings.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, &memberError{reason: clip(s) + " is out of a 64-bit number's range"}
		}
		return f, nil
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		return u, nil
	}
	return nil, &memberError{reason: clip(s) + " does not fit in 64 bits: send it as a string"}
}

// colons counts the members written in a valid JSON text: each has one colon outside of strings. Where a decoded text has
// fewer, a name was given twice.
func colons(text []byte) (n int) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			quoted = !quoted
		case '\\': // only within strings
			i++
		case ':':
			if !quoted {
				n++
			}
		}
	}
	return n
}

// memberError is what is wrong with a member; path leads to it, innermost name first.
type memberError struct {
	path      []string
	reason    string
	outermost bool // only the outermost name is worth telling
}

func (e *memberError) Error() string { return e.reason }

// within adds the name of the member that err is in.
func within(name string, err error) error {
	var e *memberError
	if errors.As(err, &e) {
		e.path = append(e.path, name)
	}
	return err
}

// field returns the path as "config.limits.max[2]".
func (e *memberError) field() string {
	if e.outermost {
		return clip(e.path[len(e.path)-1])
	}
	var path strings.Builder
	for i := len(e.path) - 1; i >= 0; i-- {
		if path.Len() > 0 && !strings.HasPrefix(e.path[i], "[") {
			path.WriteByte('.')
		}
		path.WriteString(e.path[i])
	}
	return clip(path.String())
}

// bodyError makes the domain's error of whatever went wrong with a text.
func bodyError(err error) error {
	var member *memberError
	var invalid *session.InvalidError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &member):
		return session.Invalid(member.field(), member.reason)
	case errors.As(err, &invalid):
		return err
	case errors.As(err, &syntax):
		return session.Invalid("body", fmt.Sprintf("is not valid JSON at byte %d: %s", syntax.Offset, syntax.Error()))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return session.Invalid("body", "is not valid JSON: it ends too early")
	}
	return session.Invalid("body", "is not valid JSON: "+err.Error())
}
