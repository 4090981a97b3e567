package httpapi

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"orchestrator/internal/session"
)

// memberError is what is wrong with a member; path leads to it, innermost name first.
type memberError struct {
	path      []string
	reason    string
	outermost bool // only the outermost name is worth telling
}

func (e *memberError) Error() string { return e.reason }

// errTooLong ends the reading of a value that is larger than it may be; how large is known when the source has left it.
var errTooLong error = &session.TooLargeError{Thing: "session"}

// refused reports whether err is about the value alone: the source can leave it.
func refused(err error) bool {
	var member *memberError
	var large *session.TooLargeError
	return errors.As(err, &member) || errors.As(err, &large)
}

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
	if len(e.path) == 0 {
		return "body"
	}
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

// bodyError makes the domain's error of whatever went wrong with a body.
func bodyError(err error) error {
	if err == nil {
		return nil
	}
	var member *memberError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &member):
		return session.Invalid(member.field(), member.reason)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return session.Invalid("body", "is not valid JSON: it ends too early")
	case errors.As(err, &syntax):
		return session.Invalid("body", fmt.Sprintf("is not valid JSON at byte %d: %s", syntax.ByteOffset, syntax.Err))
	}
	return err
}
