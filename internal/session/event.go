package session

import (
	"slices"
	"strings"
	"time"
)

// EventType says what happened.
type EventType string

// What happens to sessions and to nodes.
const (
	SessionCreated  EventType = "session.created"  // it is there
	SessionUpdated  EventType = "session.updated"  // its fields or copies changed, or a lost home record was restored: same owner
	SessionAssigned EventType = "session.assigned" // it has another owner, or its owner another incarnation, and the former one had no say
	SessionRevoked  EventType = "session.revoked"  // its live owner is about to give it away, and has the processes beside it stop; no record says so
	SessionMoved    EventType = "session.moved"    // its live owner gave it to another node
	SessionExpired  EventType = "session.expired"  // its time to live ended, and it with it
	SessionDeleted  EventType = "session.deleted"  // somebody ended it

	NodeJoined    EventType = "node.joined"    // an incarnation registered
	NodeReady     EventType = "node.ready"     // it takes sessions again
	NodeCordoned  EventType = "node.cordoned"  // it takes no more sessions
	NodeDraining  EventType = "node.draining"  // it hands its sessions over
	NodeLeft      EventType = "node.left"      // it left with nothing in hand
	NodeDead      EventType = "node.dead"      // it was declared dead
	NodeRecovered EventType = "node.recovered" // what it owned when it was declared dead was taken over
)

// EventTypes are all of them.
var EventTypes = []EventType{SessionCreated, SessionUpdated, SessionAssigned, SessionRevoked, SessionMoved, SessionExpired, SessionDeleted,
	NodeJoined, NodeReady, NodeCordoned, NodeDraining, NodeLeft, NodeDead, NodeRecovered}

// Reason says in a word or two why a session changed.
type Reason string

// Why sessions change. WhyDrain, WhyRebalance and WhyMigrate are a live owner's doing.
const (
	WhyCreate      Reason = "create"
	WhyPatch       Reason = "patch"
	WhyDelete      Reason = "delete"
	WhyEnded       Reason = "ttl ended"
	WhyOwnerDead   Reason = "owner dead"
	WhyOrphan      Reason = "orphan" // its owner was neither registered nor being recovered
	WhyDrain       Reason = "drain"
	WhyRebalance   Reason = "rebalance"
	WhyMigrate     Reason = "migrate"
	WhyCopiesMoved Reason = "copies moved"
	WhyRepair      Reason = "repair" // a change that somebody had begun was finished, or a lost record restored
)

// EventsKept is how many events each partition keeps, and as many the fleet of its nodes, or a few more. All nodes of a fleet must know the
// same number.
const EventsKept = 4000

// Event is something that happened. Fields that do not apply are empty.
type Event struct {
	ID        string // unique in the fleet: where it stands, and when it happened
	Type      EventType
	Time      time.Time // by the clock of the Redis server that keeps it, in milliseconds
	Session   ID
	Node      NodeID // the owner, or the node it is about
	Previous  NodeID // the owner before
	Epoch     uint64 // with Version: where the session stood after it
	Version   uint64
	Reason    string
	Actor     NodeID    // the node that carried it out
	Recovered *Recovery // of NodeRecovered
}

// Recovery is what became of the sessions of a dead node.
type Recovery struct{ Expected, Recovered, Lost int }

// EventFilter selects events; zero fields select all.
type EventFilter struct {
	Types   []EventType
	Session ID
	Node    NodeID // who is or was the owner, or is what the event is about
}

// Selects reports whether the filter selects an event.
func (f EventFilter) Selects(e Event) bool {
	return (len(f.Types) == 0 || slices.Contains(f.Types, e.Type)) &&
		(f.Session == "" || f.Session == e.Session) &&
		(f.Node == "" || f.Node == e.Node || f.Node == e.Previous)
}

// OfSession reports whether the type is of events of sessions; the others are of nodes.
func (t EventType) OfSession() bool { return strings.HasPrefix(string(t), "session.") }

// EventPage is a page of events, in the order of each partition, and where to go on. A page may be short, or empty, though there is more.
type EventPage struct {
	Events []Event
	Next   string
}

// EventBatch is what a follower of events is told in one go: events, where they end, or why the stream does.
type EventBatch struct {
	Events []Event
	Cursor string // where to go on after all of them
	End    string // not empty: nothing comes any more
}

// EventsGoneError says that a cursor leads nowhere any more: what came after it is not kept, or Redis has lost what it was told (cursor-gone).
type EventsGoneError struct {
	Latest string // the cursor of now
}

func (e *EventsGoneError) Error() string {
	return "the cursor is too old, or ahead of what Redis has: events are missing after it"
}
