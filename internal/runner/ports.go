package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Node is the node beside which the runner stands. Its follower keeps the rules of package assignments.
type Node interface {
	// Identify asks who answers and what it offers.
	Identify(ctx context.Context) (Identity, error)
	// Run calls work for each lease that the node hands out, in a goroutine of its own. A session has no other lease until work has
	// returned; then the node may know that it was let go. Run goes on through the loss of the node and returns when ctx has ended and all
	// work has returned: ctx's error, or one that would not pass by itself.
	Run(ctx context.Context, work func(Lease)) error
}

// Lease is the right to run a session under one epoch.
type Lease interface {
	// Session is the session as it was when it was assigned.
	Session() Session
	// Context ends when the session must not be run any more.
	Context() context.Context
	// Until is up to when the node vouches for it, with a monotonic reading. The node puts it off again and again.
	Until() time.Time
	// Revoked is closed when the node wants the session back by the deadline.
	Revoked() <-chan struct{}
	// Deadline is when a revoked session must be let go, with a monotonic reading; zero: it is not revoked.
	Deadline() time.Time
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
	Version string
	Routes  []string // "GET /v1/nodes"
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
