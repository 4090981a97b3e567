package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// Codes of failures that no answer names.
const (
	CodeTimeout      = "timeout"       // no answer in time
	CodeNoConnection = "no-connection" // refused, reset or ended before the answer
	CodeBrokenAnswer = "broken-answer" // not what the API answers
)

// failure is a request that failed, or an item of a batch.
type failure struct {
	code, detail string
	unsure       bool // it may have been done all the same
}

func (f *failure) Error() string { return f.code + ": " + f.detail }

// problem is what the API says when it refuses (RFC 9457).
type problem struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Codes of the API that say for certain what was not done.
const (
	noCapacity = "no-capacity"
	notFound   = "session-not-found"
)

func (p problem) failure(status int) *failure {
	return &failure{p.Code, fmt.Sprintf("%d %s", status, p.Detail), status >= http.StatusInternalServerError && p.Code != noCapacity}
}

// refused reads the problem of an answer that is not the one wanted. One without a code is told by its status: a proxy's, perhaps.
func refused(a answer) *failure {
	var p problem
	if err := unmarshal(a.header, a.body, &p); err != nil || p.Code == "" {
		p = problem{fmt.Sprintf("http-%d", a.status), http.StatusText(a.status)}
	}
	return p.failure(a.status)
}

func broken(format string, args ...any) *failure {
	return &failure{CodeBrokenAnswer, fmt.Sprintf(format, args...), true}
}

// unanswered is the failure of a request that got no answer.
func unanswered(err error) *failure {
	var netErr net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout() {
		return &failure{CodeTimeout, err.Error(), true}
	}
	return &failure{CodeNoConnection, err.Error(), true}
}

// EncodingError says that the server does not speak the encoding that a run was to use; nothing is measured then.
type EncodingError struct {
	Encoding Encoding
	Answered string // what the server did instead
}

func (e *EncodingError) Error() string {
	return fmt.Sprintf("the server does not take %s: it answered %s; use --encoding json, or a server that does", e.Encoding.mediaType(), e.Answered)
}

// spoken returns an *EncodingError where the answer shows that the encoding is not spoken.
func (e Encoding) spoken(a answer) error {
	if a.status == http.StatusUnsupportedMediaType {
		return &EncodingError{e, "415 Unsupported Media Type"}
	}
	if success := a.status/100 == 2 && len(a.body) > 0; success && saysMsgPack(a.header) != (e == MsgPack) {
		return &EncodingError{e, "in " + a.header.Get("Content-Type")}
	}
	return nil
}
