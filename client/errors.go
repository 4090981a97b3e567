package client

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Codes of errors that the client finds by itself; all others are the API's.
const (
	CodeInvalidRequest = "invalid-request" // also the API's: the client refuses what would be refused, before it is sent
	CodeNoAnswer       = "no-answer"       // no connection, or none that lasted until the answer was there
	CodeBrokenAnswer   = "broken-answer"   // something answered, and not as the API does
	CodeClockSkew      = "clock-skew"      // Follow: the node's clock is not this machine's
)

// Error is why a call failed: what the API answered (a problem document, RFC 9457), or that nothing did. A program decides by errors.Is
// and the Err values of this package, or by Code; Detail is for people.
type Error struct {
	Code      string // stable: "stale-epoch", "version-mismatch", ...
	Status    int    // of HTTP; 0 where nothing answered
	Title     string
	Detail    string
	RequestID string // names the request in the node's log
	Node      string // the node that answered; may be empty

	Field        string        // invalid-request: what is wrong
	Used, Limit  int           // too-large, no-capacity, rate-limited; both 0 elsewhere
	RetryAfter   time.Duration // how long the node asks to be left alone; 0: it does not
	Owner        string        // stale-epoch: the owner now; lease-held: the holder
	CurrentEpoch uint64        // stale-epoch, lease-held
	CurrentETag  string        // version-mismatch: as Condition takes it
	PassedOver   []PassedOver  // no-capacity: why each node was passed over
	Oldest       string        // cursor-gone, messages: go on after it, and nothing that is still kept is missed
	Latest       string        // cursor-gone, events: list again, then go on from it
	Host         string        // wrong-node: where the right one is
	Port         int           // wrong-node

	// Unsure says that what was asked for may have been done all the same: this or an earlier attempt got no answer that says otherwise.
	Unsure bool

	// Err is the cause: of the connection, or the context's where that has ended. It may be nil.
	Err error

	request string // method and path
	nothing bool   // nothing was done, whatever was asked for
	returns bool   // Follow: the node is known, and may come back
}

// PassedOver says why one node was not given a session.
type PassedOver struct {
	Node   string `json:"node"`
	Reason string `json:"reason"`
}

// Error says what was asked for, how it failed, and why.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.request)
	if e.request != "" {
		b.WriteString(": ")
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, "%d ", e.Status)
	}
	b.WriteString(e.Code)
	if detail := e.Detail; detail != "" || e.Title != "" {
		if detail == "" {
			detail = e.Title
		}
		b.WriteString(": " + detail)
	}
	if e.Err != nil && !strings.Contains(e.Detail, e.Err.Error()) {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Unsure {
		b.WriteString(" (it may have been done)")
	}
	if e.Status != 0 && e.RequestID != "" {
		b.WriteString(" [request " + e.RequestID + "]")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the Err value for the error's code.
func (e *Error) Is(target error) bool {
	var k *kind
	return errors.As(target, &k) && (slices.Contains(k.codes, e.Code) || k.also != nil && k.also(e))
}

// kind is a set of codes that a program treats alike.
type kind struct {
	text  string
	codes []string
	also  func(*Error) bool
}

func (k *kind) Error() string { return k.text }

// Values for errors.Is. Each stands for every *Error with one of the codes named.
var (
	// ErrInvalid: the request is not valid, and never will be: invalid-request, unsupported-media-type.
	ErrInvalid error = &kind{text: "the request is not valid", codes: []string{CodeInvalidRequest, "unsupported-media-type"}}
	// ErrNotFound: there is no such session, node, watcher or context: session-not-found, node-not-found, watcher-not-found,
	// context-not-found.
	ErrNotFound error = &kind{text: "not found",
		codes: []string{"session-not-found", "node-not-found", "watcher-not-found", "context-not-found"}}
	// ErrNoRoute: the node does not offer this call, being of another version perhaps: not-found, method-not-allowed.
	ErrNoRoute error = &kind{text: "no such route", codes: []string{"not-found", "method-not-allowed"}}
	// ErrStaleEpoch: the session has another owner by now. Stop acting for it: stale-epoch.
	ErrStaleEpoch error = &kind{text: "the epoch is stale", codes: []string{"stale-epoch"}}
	// ErrLeaseHeld: another holder has the session's lease: lease-held.
	ErrLeaseHeld error = &kind{text: "the lease is held", codes: []string{"lease-held"}}
	// ErrVersionMismatch: it was changed since it was read: version-mismatch.
	ErrVersionMismatch error = &kind{text: "changed meanwhile", codes: []string{"version-mismatch"}}
	// ErrIdempotencyMismatch: the idempotency key was used for something else: idempotency-mismatch.
	ErrIdempotencyMismatch error = &kind{text: "the idempotency key was used for another request", codes: []string{"idempotency-mismatch"}}
	// ErrTooLarge: over a limit, which the error names: too-large.
	ErrTooLarge error = &kind{text: "too large", codes: []string{"too-large"}}
	// ErrRateLimited: too many at a time: rate-limited.
	ErrRateLimited error = &kind{text: "too many at a time", codes: []string{"rate-limited"}}
	// ErrNoCapacity: no node has room: no-capacity.
	ErrNoCapacity error = &kind{text: "no node has room", codes: []string{"no-capacity"}}
	// ErrCursorGone: what comes after the cursor is not kept any more: cursor-gone.
	ErrCursorGone error = &kind{text: "the cursor is gone", codes: []string{"cursor-gone"}}
	// ErrWrongNode: only the node itself can answer this: wrong-node.
	ErrWrongNode error = &kind{text: "another node must be asked", codes: []string{"wrong-node"}}
	// ErrUnauthenticated and ErrForbidden: who asks is not known, or may not: unauthenticated, forbidden.
	ErrUnauthenticated error = &kind{text: "not authenticated", codes: []string{"unauthenticated"}}
	ErrForbidden       error = &kind{text: "not allowed", codes: []string{"forbidden"}}
	// ErrUnavailable: nobody could answer for now, and another attempt may succeed: no-answer, store-unavailable, draining, or the 502, 503
	// or 504 of something between.
	ErrUnavailable error = &kind{text: "unavailable", codes: []string{CodeNoAnswer, "store-unavailable", "draining"},
		also: func(e *Error) bool { return e.fromProxy() }}
)

// invalid is the error of a call that is refused before it is sent.
func invalid(field, format string, args ...any) *Error {
	return &Error{Code: CodeInvalidRequest, Field: field, Detail: field + " " + fmt.Sprintf(format, args...), nothing: true}
}

// fromProxy reports whether something between could not reach a node, or not in time.
func (e *Error) fromProxy() bool {
	return strings.HasPrefix(e.Code, "http-") && (e.Status == 502 || e.Status == 503 || e.Status == 504)
}

// passing reports whether another attempt, perhaps at another node, may fare better.
func (e *Error) passing() bool {
	return errors.Is(e, ErrUnavailable) || errors.Is(e, ErrRateLimited)
}
