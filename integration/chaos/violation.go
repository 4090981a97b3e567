package chaos

import "fmt"

// The promises that a run is held to, by the names that the README gives them.
const (
	NothingLost  = "I1 no acknowledged write is lost"
	OneOwner     = "I2 one owner per epoch, epochs only grow"
	Fenced       = "I3 a stale owner commits nothing"
	Linearizable = "I4 the history is linearizable"
	AtMostOnce   = "I5 each operation is applied at most once"
	Counted      = "I6 counts equal leases, nobody over its cap"
	OwnedAgain   = "I7 a dead node's sessions are owned again"
	Apart        = "I8 copies lie on different masters"
	LeftNothing  = "I9 a node that left leaves nothing behind"
	StayedPut    = "no session moves while no node dies"
	Unnoticed    = "no client meets an error"
	Healed       = "the fleet serves again once the fault is over"
	Told         = "followers are told what they hold"
	OneFollower  = "no two followers believe in one session at once"
	CutOff       = "a stream that nobody reads is ended"
	Heard        = "who follows messages is told all of them"
)

// Violation is one promise that a run saw broken.
type Violation struct {
	Promise string
	Session string // empty where it is the fleet's
	What    string
}

func (v Violation) String() string {
	if v.Session == "" {
		return v.Promise + ": " + v.What
	}
	return v.Promise + ": session " + v.Session + ": " + v.What
}

// findings collects violations.
type findings []Violation

func (f *findings) add(promise, session, format string, args ...any) {
	*f = append(*f, Violation{promise, session, fmt.Sprintf(format, args...)})
}
