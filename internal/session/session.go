package session

import "time"

// Status says what a session is doing, as its owner reports it.
type Status string

// The statuses a session may have.
const (
	Active    Status = "active"
	Idle      Status = "idle"
	Completed Status = "completed"
	Failed    Status = "failed"
)

// Statuses lists every valid status in the order a reader would expect.
var Statuses = []Status{Active, Idle, Completed, Failed}

// Valid reports whether s is one of the four statuses.
func (s Status) Valid() bool { return s == Active || s == Idle || s == Completed || s == Failed }

// Holder is one incarnation of a node: what a lease is given to. A node that restarts is another holder.
type Holder struct {
	Node        NodeID
	Incarnation string // random, fresh per start of the process; 16 hexadecimal digits
}

// Session is the unit of work. Every field is as the last committed change left it.
type Session struct {
	ID        ID
	Type      string
	Name      string
	Workspace string
	Config    map[string]any
	Labels    map[string]string
	Status    Status
	Holder    Holder // who owns the session in this epoch
	Stamp     Stamp
	Copies    int // records beside home
	CreatedAt time.Time
	UpdatedAt time.Time
	OwnedAt   time.Time // since when Holder owns it; zero: a record written before this was kept
	ExpiresAt time.Time // zero: never

	Durability Durability // empty: acked

	// Resource is the stamp of the last change of the session itself, where its messages or its context have changed since; zero: Stamp is.
	Resource Stamp

	Age   time.Duration // since it was read, where a cache answered; 0: it was read for this answer
	Stale bool          // it is older than a cache may be, for Redis could not be asked
}

// Owner returns the node that owns the session.
func (s Session) Owner() NodeID { return s.Holder.Node }

// ETag is the stamp that names the state of the session itself: neither its messages nor its context are part of it.
func (s Session) ETag() Stamp {
	if s.Resource.IsZero() {
		return s.Stamp
	}
	return s.Resource
}

// LabelDisruption is the label by which a session says what may be done to it; with DisruptionNever it is moved off a live node by a
// drain or by somebody who asks for that very session, never to even out the load.
const (
	LabelDisruption = "disruption"
	DisruptionNever = "never"
)

// Expired reports whether the session's time to live has ended at now.
func (s Session) Expired(now time.Time) bool {
	return !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt)
}

// Lease returns the value of the session's lease key: node/incarnation/epoch.
func (s Session) Lease() string { return LeaseValue(s.Holder, s.Stamp.Epoch) }
