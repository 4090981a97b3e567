package session

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Errors that carry no more than their name. Each reaches a client as the problem code beside it.
var (
	// ErrNotFound: no such session, or it was deleted (session-not-found).
	ErrNotFound = errors.New("session not found")
	// ErrNodeNotFound: no node of that name is registered (node-not-found).
	ErrNodeNotFound = errors.New("node not found")
	// ErrUnknownOutcome: the operation may or may not have been applied, and its record no longer tells (store-unavailable).
	ErrUnknownOutcome = errors.New("the outcome of the operation can no longer be told")
	// ErrIdempotencyMismatch: the idempotency key was used for another request (idempotency-mismatch).
	ErrIdempotencyMismatch = errors.New("the idempotency key was used with another request body")
	// ErrDraining: this node is leaving and takes no more work (draining).
	ErrDraining = errors.New("the node is draining")
	// ErrFenced: this incarnation's registration has ended; it holds nothing any more (store-unavailable).
	ErrFenced = errors.New("the node's registration has ended")
	// ErrLeaseLost: another holder has the session's lease, or nobody has. Stop acting for it.
	ErrLeaseLost = errors.New("the session's lease is lost")
	// ErrContextNotFound: the session has no context (context-not-found).
	ErrContextNotFound = errors.New("the session has no context")
	// ErrWatcherNotFound: no stream of assignments has this watcher id, or it has ended (watcher-not-found).
	ErrWatcherNotFound = errors.New("no such watcher")
)

// InvalidError says which field of a request is wrong, and how (invalid-request).
type InvalidError struct{ Field, Reason string }

// Invalid returns an *InvalidError.
func Invalid(field, reason string) error { return &InvalidError{field, reason} }

func (e *InvalidError) Error() string { return e.Field + " " + e.Reason }

// TooLargeError says which thing is over which limit, in bytes unless Thing says otherwise (too-large).
type TooLargeError struct {
	Thing       string
	Used, Limit int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s is too large: %d of at most %d", e.Thing, e.Used, e.Limit)
}

// LimitError refuses one more of something of which there are as many as there may be (rate-limited).
type LimitError struct {
	Thing       string
	Used, Limit int
	Advice      string // what to do about it; may be empty
}

func (e *LimitError) Error() string {
	text := fmt.Sprintf("no more %s: %d of at most %d", e.Thing, e.Used, e.Limit)
	if e.Advice != "" {
		text += "; " + e.Advice
	}
	return text
}

// StaleEpochError refuses a holder's write that was made under another epoch than the current one (stale-epoch).
type StaleEpochError struct {
	Given, Current uint64
	Owner          NodeID // who owns the session now
}

func (e *StaleEpochError) Error() string {
	return fmt.Sprintf("epoch %d is stale: the session is at epoch %d, owned by %s", e.Given, e.Current, e.Owner)
}

// VersionMismatchError refuses a conditional write whose condition does not hold (version-mismatch).
type VersionMismatchError struct {
	Given, Current string // Given is "" where none should have been there
	Context        bool   // it is about the session's context, not about the session
}

func (e *VersionMismatchError) Error() string {
	of := "session"
	if e.Context {
		of = "context"
	}
	if e.Given == "" {
		return fmt.Sprintf("there is a %s, with the ETag %s", of, e.Current)
	}
	return fmt.Sprintf("If-Match %s does not match the %s's current ETag %s", e.Given, of, e.Current)
}

// BesideChangedError refuses a deletion because what lies beside the session is not what the caller knows of (version-mismatch).
type BesideChangedError struct {
	What           string // "messages" or "context"
	Given, Current string // the id of the last message, or the context's stamp
}

func (e *BesideChangedError) Error() string {
	if e.What == "messages" {
		return fmt.Sprintf("the session's messages end with %s by now, not with %s", e.Current, e.Given)
	}
	return fmt.Sprintf("the session's %s has the ETag %s by now, not %s", e.What, e.Current, e.Given)
}

// CursorGoneError refuses to go on after a message that is no longer kept, nor the one after it, or that the session never had (cursor-gone).
type CursorGoneError struct {
	After  MessageID
	Oldest MessageID // going on after this one misses nothing that is kept
}

func (e *CursorGoneError) Error() string {
	return fmt.Sprintf("messages after %s are no longer kept, or are none of this session's", e.After)
}

// HeldError refuses a takeover because somebody holds the session's lease (lease-held).
type HeldError struct {
	Holder Holder
	Epoch  uint64
	For    time.Duration // how long the lease still runs
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("the lease is held by %s at epoch %d for another %s", e.Holder.Node, e.Epoch, e.For.Round(time.Millisecond))
}

// PassedOver says why one node was not given a session.
type PassedOver struct {
	Node   NodeID
	Reason string
}

// NoCapacityError refuses a placement because no node that may take the session has room (no-capacity). Used and Limit add
// up over the nodes that take new sessions.
type NoCapacityError struct {
	Used, Limit int
	Nodes       []PassedOver
}

func (e *NoCapacityError) Error() string {
	if len(e.Nodes) == 0 {
		return "no node is registered"
	}
	why := make([]string, len(e.Nodes))
	for i, n := range e.Nodes {
		why[i] = string(n.Node) + ": " + n.Reason
	}
	return fmt.Sprintf("no node has room: %d of %d sessions used (%s)", e.Used, e.Limit, strings.Join(why, "; "))
}

// UnavailableError says that Redis could not be reached or refused, or that a hand-over did not end in time; nothing is known to have changed
// (store-unavailable).
type UnavailableError struct {
	Reason   string // what an operator may read, such as "redis is out of memory"
	Err      error  // the cause; may be nil
	Refused  bool   // nothing was changed, and nothing on its way can still change it
	HandOver bool   // a node or the processes beside it were too slow, not Redis
}

func (e *UnavailableError) Error() string {
	text := e.Reason
	if !e.HandOver {
		text = "store unavailable: " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// CorruptError says that a record in Redis cannot be read by this version: the record is left as it is (unreadable-record).
type CorruptError struct {
	Key    string // the Redis key
	Reason string
}

func (e *CorruptError) Error() string { return "record at " + e.Key + " cannot be read: " + e.Reason }
