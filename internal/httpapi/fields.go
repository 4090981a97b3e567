package httpapi

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"orchestrator/internal/session"
)

// fields reads the members of an object by name, remembers the first that is wrong, and refuses those that nobody asked for.
// Names are compared exactly: encoding/json would take "Type" for "type".
type fields struct {
	path    string // where the object is: "" at the top, else with a trailing point
	members map[string]any
	known   []string
	room    [12]string // for known
	err     error
}

func read(members map[string]any) *fields {
	f := &fields{members: members}
	f.known = f.room[:0]
	return f
}

// take returns a member that is there and not null.
func (f *fields) take(name string) (any, bool) {
	f.known = append(f.known, name)
	v := f.members[name]
	return v, v != nil
}

// null reports whether a member is there and null.
func (f *fields) null(name string) bool {
	f.known = append(f.known, name)
	v, given := f.members[name]
	return given && v == nil
}

func (f *fields) wrong(name, reason string) {
	if f.err == nil {
		f.err = session.Invalid(f.path+name, reason)
	}
}

// any reads a value of any kind, which must be there though it may be null.
func (f *fields) any(name string) any {
	f.known = append(f.known, name)
	v, given := f.members[name]
	if !given {
		f.wrong(name, "is required")
	}
	return v
}

// text reads a string; "" where it is absent or null.
func (f *fields) text(name string) string {
	v, ok := f.take(name)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		f.wrong(name, "must be a string")
	}
	return s
}

// object reads an object; nil where it is absent or null.
func (f *fields) object(name string) map[string]any {
	v, ok := f.take(name)
	if !ok {
		return nil
	}
	o, ok := v.(map[string]any)
	if !ok {
		f.wrong(name, "must be an object")
	}
	return o
}

// texts reads an object of strings; a null value is a nil pointer.
func (f *fields) texts(name string) map[string]*string {
	o := f.object(name)
	if o == nil {
		return nil
	}
	out := make(map[string]*string, len(o))
	var wrong []string
	for k, v := range o {
		switch v := v.(type) {
		case nil:
			out[k] = nil
		case string:
			out[k] = &v
		default:
			wrong = append(wrong, k)
		}
	}
	f.noText(name, wrong)
	return out
}

// noText refuses the members of an object that should be strings; the first of them is named.
func (f *fields) noText(name string, members []string) {
	if len(members) > 0 {
		f.wrong(name+"."+slices.Min(members), "must be a string")
	}
}

// duration reads a Go duration ("30m") or whole milliseconds; 0 where it is absent or null.
func (f *fields) duration(name string) time.Duration {
	v, ok := f.take(name)
	if !ok {
		return 0
	}
	d, err := parseDuration(v)
	if err != "" {
		f.wrong(name, err)
	}
	return d
}

// parseDuration returns what is wrong with v, or "".
func parseDuration(v any) (d time.Duration, wrong string) {
	const shape = `must be a duration such as "30m" or a whole number of milliseconds`
	switch v := v.(type) {
	case string:
		d, err := time.ParseDuration(v)
		if err != nil {
			return 0, shape
		}
		return d, ""
	case int64:
		const most = int64(math.MaxInt64 / time.Millisecond)
		if v < -most || v > most {
			return 0, fmt.Sprintf("%d ms is out of range", v)
		}
		return time.Duration(v) * time.Millisecond, ""
	case uint64:
		return 0, fmt.Sprintf("%d ms is out of range", v)
	}
	return 0, shape
}

// nested reads an object's own fields; its errors are f's.
func (f *fields) nested(name string, readInto func(*fields)) {
	members := f.object(name)
	if members == nil {
		return
	}
	sub := read(members)
	sub.path = f.path + name + "."
	readInto(sub)
	if err := sub.done(); err != nil && f.err == nil {
		f.err = err
	}
}

// list reads an array of objects, each with its own fields; their errors are f's. It returns how many there are.
func (f *fields) list(name string, readInto func(*fields)) int {
	v, ok := f.take(name)
	if !ok {
		return 0
	}
	elements, ok := v.([]any)
	if !ok {
		f.wrong(name, "must be an array")
		return 0
	}
	for i, element := range elements {
		place := fmt.Sprintf("%s[%d]", name, i)
		members, ok := element.(map[string]any)
		if !ok {
			f.wrong(place, "must be an object")
			break
		}
		sub := read(members)
		sub.path = f.path + place + "."
		readInto(sub)
		if err := sub.done(); err != nil {
			f.err = cmp.Or(f.err, err)
			break
		}
	}
	return len(elements)
}

// epoch reads a positive integer below 2^53, which every JSON reader can hold.
func (f *fields) epoch(name string) uint64 {
	v, _ := f.take(name)
	n, ok := v.(int64)
	if !ok || n <= 0 || n >= 1<<53 {
		f.wrong(name, "must be a positive integer below 2^53")
	}
	return uint64(n)
}

// done returns the first error. Members that no reader asked for come first: a misspelt name explains a missing field.
func (f *fields) done() error {
	var unknown []string
	for name := range f.members {
		if !slices.Contains(f.known, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		name := slices.Min(unknown)
		return session.Invalid(f.path+clip(name), unknownField(name))
	}
	return f.err
}

// served lists the fields that a session shows and the fleet alone sets.
var served = []string{"id", "owner", "epoch", "version", "copies", "createdAt", "updatedAt", "ownedAt", "expiresAt"}

func unknownField(name string) string {
	for _, s := range served {
		if strings.EqualFold(s, name) {
			return "is set by the fleet and cannot be given"
		}
	}
	return "is not a known field"
}
