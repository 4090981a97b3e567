package session

import "time"

// Explanation is how one session stands at one moment, and how the nodes would rank if it were placed then.
type Explanation struct {
	Session   Session // its identity, holder, stamp and times, as the record that stands has them, and nothing else
	Partition int
	Lease     *Tenure // nil: nobody has the session's lease, or the master that would tell did not answer
	Records   []Site  // home first, then the copies in the order they are written, then what lies elsewhere
	Colocated bool    // two of its records, those elsewhere aside, lie on one master
	Ranking   Ranking
}

// Tenure is how long who holds a session's lease.
type Tenure struct {
	Value string        // of the lease's key: node/incarnation/epoch
	Ends  time.Duration // from now, unless it is renewed
}

// Role says what a record is to its session.
type Role string

// The roles of records.
const (
	RoleHome  Role = "home"
	RoleCopy  Role = "copy"
	RoleStray Role = "stray" // at a place that the record which stands does not name: left behind by a move of the copies
)

// Site is one place where a record lies, or should.
type Site struct {
	Role      Role
	Key       string
	Slot      int
	Master    string // host:port of the master that serves the slot; empty: nobody does
	Host      string
	Stamp     Stamp     // zero: no record is there, or it could not be read
	Agrees    bool      // its stamp is that of the record that stands
	WrittenAt time.Time // by the clock of the server that holds it; zero: no record
	Unread    string    // why it could not be read; empty: it was
}

// Ranking is how the nodes rank for one session at one moment.
type Ranking struct {
	Strategy   string
	Wanted     Placement   // empty: nowhere in particular. What was wanted when a session was made is not kept
	Candidates []Candidate // every registered node, by id
	Chosen     Holder      // zero: no node has room
}

// Candidate is how one node was judged.
type Candidate struct {
	Node        NodeID
	Sessions    int // live count
	MaxSessions int
	Weight      float64
	Takes       bool    // it is given new sessions, room aside
	Score       float64 // sessions beside this one, for its weight: the least wins; with consistent-hash the session's hash for it: the greatest wins
	PassedOver  string  // why it was not chosen; empty: it was
}

// DryRun is what a create would make.
type DryRun struct {
	Session Session // under an id that the create would not use
	Ranking Ranking
}
