package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Node is the node that is followed: its assignments are known to itself alone.
type Node interface {
	// Identify asks who answers and what it offers.
	Identify(ctx context.Context) (Identity, error)
	// Follow reads a stream of assignments to its end and hands each event over in turn. It returns nil after an orderly end.
	Follow(ctx context.Context, node string, take func(Event)) error
	// Ack tells the node that what it revoked was let go. The error wraps ErrLost where it knows no such watcher any more.
	Ack(ctx context.Context, node, watcher string, released []Released) error
}

// Sessions is what the fleet keeps for a session. Errors wrap ErrLost or ErrRefused, or else another try may succeed.
type Sessions interface {
	// Get reads a session as the last change left it.
	Get(ctx context.Context, id string) (Session, error)
	// Report changes a session as the holder of an epoch.
	Report(ctx context.Context, id string, epoch uint64, r Report) error
	// Publish adds messages as the holder of an epoch, once for one key however often it is called.
	Publish(ctx context.Context, id string, epoch uint64, key string, all []Message) error
	// Inputs hands over the messages of kind input behind a cursor ("": from the oldest that is kept) as they come, until take or the
	// stream ends. It returns take's error; a *GoneError where messages behind the cursor are not kept any more.
	Inputs(ctx context.Context, id, after string, take func(Input) error) error
}

var (
	// ErrLost says that the session is not ours to act for: another epoch, or deleted.
	ErrLost = errors.New("the session is not held any more")
	// ErrRefused says that the same request would be refused again.
	ErrRefused = errors.New("refused")
)

// GoneError says that a cursor is older than what is kept.
type GoneError struct{ Oldest string } // the cursor from which nothing that is kept is missed

// Error says it.
func (e *GoneError) Error() string {
	return fmt.Sprintf("the cursor is gone, kept is what comes after %q", e.Oldest)
}

// Identity says who answers at the node's address.
type Identity struct {
	Node    string
	Version string
	Routes  []string // "GET /v1/nodes"
}

// Kind is what an event of a stream of assignments says.
type Kind string

// The kinds of events; see package assignments.
const (
	Snapshot Kind = "snapshot" // Watcher, Until, Assignments
	Assigned Kind = "assigned" // Assignments: one
	Revoked  Kind = "revoked"  // ID, Epoch, Deadline
	Valid    Kind = "valid"    // Until
	End      Kind = "end"      // Reason
)

// Event is one event. Until and Deadline are of this machine's wall clock.
type Event struct {
	Kind        Kind
	Watcher     string
	Until       time.Time
	Assignments []Session
	ID          string
	Epoch       uint64
	Deadline    time.Time
	Reason      string
}

// Released is a session that was let go, under the epoch that revoked named.
type Released struct {
	ID    string
	Epoch uint64
}

// Session is what the runner needs to know of one.
type Session struct {
	ID, Type, Name, Workspace, Status string
	Epoch                             uint64
	Labels                            map[string]string
}

// Report is a change of a session; what is empty stays as it is.
type Report struct {
	Status string
	Labels map[string]*string // nil: the label is taken away
}

// Message is one to publish.
type Message struct {
	Kind string
	Text string // published as a JSON string
}

// Input is a message for the command.
type Input struct {
	ID   string
	Data json.RawMessage
}
