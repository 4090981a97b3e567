package assignments

import (
	"time"

	"orchestrator/internal/session"
)

// Kind is what an event says.
type Kind string

// The kinds of events, in the order in which a stream may have them: one snapshot, any of the next three, one end.
const (
	Snapshot Kind = "snapshot" // Watcher, Holder, Until, Assignments: the first event, all that the node has to run
	Assigned Kind = "assigned" // Assignment: hold this session too
	Revoked  Kind = "revoked"  // ID, Epoch, Deadline: let go of it by then, and acknowledge
	Valid    Kind = "valid"    // Until: the node may act until then
	End      Kind = "end"      // Reason: drop everything
)

// Event is one thing that a follower is told. Times are by the wall clock as it stands when the event is taken.
type Event struct {
	Kind        Kind
	Watcher     string // names the stream in acknowledgements
	Holder      session.Holder
	Until       time.Time
	Assignments []session.Assignment // by id
	Assignment  session.Assignment
	ID          session.ID
	Epoch       uint64
	Deadline    time.Time
	Reason      string
}

// Released is one session that a follower has let go of, under the epoch that revoked named.
type Released struct {
	ID    session.ID
	Epoch uint64
}
