package httpapi

import (
	"fmt"
	"strconv"

	"orchestrator/internal/session"
)

// source tells the values of a body one after another, whatever its encoding. It refuses what a session cannot hold, and can leave such a value;
// any other error of its means that the body is broken.
type source interface {
	// begin says that a value of at most limit bytes comes next.
	begin(limit int) mark
	// value reads a string, number, boolean or null whole, and of an object or array the beginning.
	value() (v any, in container, err error)
	// name reads the name of a member.
	name() (string, error)
	// more reports whether another member or element follows the first i of them; if not, it leaves the container.
	more(in container, i int) (bool, error)
	// leave goes to the end of the value that began at from, wherever in it the source is, and returns its size in bytes.
	leave(from mark) (int, error)
}

// container is an object ('{') or an array ('['), with the number of its members or elements where the encoding tells it before and they are all
// there, else 0.
type container struct {
	kind  byte
	count int
}

// mark is where a value begins.
type mark struct{ at, depth int }

// values makes Go values of what a source tells: nil, bool, string, int64, uint64 for integers above that, float64, []any and
// map[string]any. It refuses a member given twice, and what nests deeper than MaxConfigDepth, and deeper, levels below the outermost value.
type values struct {
	source

	deeper int
}

// object reads a value of at most limit bytes that must be an object. The source is at its end then, though the value be refused; any other
// error means that the body is broken.
func (vs values) object(limit int) (map[string]any, error) {
	from := vs.begin(limit)
	members, err := vs.outermost()
	if err != nil && !refused(err) {
		return nil, err
	}
	size, broken := vs.leave(from)
	switch {
	case broken != nil:
		return nil, broken
	case size > limit:
		return nil, &session.TooLargeError{Thing: "session", Used: size, Limit: limit}
	}
	return members, err
}

func (vs values) outermost() (map[string]any, error) {
	_, in, err := vs.value()
	switch {
	case err != nil:
		return nil, err
	case in.kind != '{':
		return nil, &memberError{reason: "must be an object"}
	}
	return vs.members(in, 0)
}

// skip goes past a value.
func (vs values) skip() error {
	from := vs.begin(0)
	if _, _, err := vs.value(); err != nil && !refused(err) {
		return err
	}
	_, err := vs.leave(from)
	return err
}

// next reads any value; depth counts the objects and arrays around it.
func (vs values) next(depth int) (any, error) {
	v, in, err := vs.value()
	switch {
	case err != nil || in.kind == 0:
		return v, err
	case depth > MaxConfigDepth+vs.deeper:
		return nil, &memberError{reason: tooDeep, outermost: true}
	case in.kind == '{':
		return vs.members(in, depth)
	}
	return vs.elements(in, depth)
}

// tooDeep is what is wrong with a value that nests deeper than a session's config or a message's data may.
var tooDeep = fmt.Sprintf("nests deeper than %d levels", MaxConfigDepth)

// levels returns how many objects and arrays lie in one another in a value, itself included.
func levels(v any) (deepest int) {
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			deepest = max(deepest, levels(member))
		}
	case []any:
		for _, element := range v {
			deepest = max(deepest, levels(element))
		}
	default:
		return 0
	}
	return deepest + 1
}

// membersAtFirst bounds the room that an object gets because a count says so: its members may all have one name. An array's elements are there.
const membersAtFirst = 64

func (vs values) members(in container, depth int) (map[string]any, error) {
	object := make(map[string]any, min(in.count, membersAtFirst))
	for i := 0; ; i++ {
		if more, err := vs.more(in, i); err != nil || !more {
			return object, err
		}
		name, err := vs.name()
		if err != nil {
			return nil, err
		}
		if _, twice := object[name]; twice {
			return nil, within(name, &memberError{reason: "is given twice"})
		}
		if object[name], err = vs.next(depth + 1); err != nil {
			return nil, within(name, err)
		}
	}
}

func (vs values) elements(in container, depth int) ([]any, error) {
	array := make([]any, 0, in.count)
	for i := 0; ; i++ {
		if more, err := vs.more(in, i); err != nil || !more {
			return array, err
		}
		element, err := vs.next(depth + 1)
		if err != nil {
			return nil, within("["+strconv.Itoa(i)+"]", err)
		}
		array = append(array, element)
	}
}
