package chaos

import (
	"math/rand/v2"
	"time"
)

// Fault is one thing that goes wrong for a while.
type Fault struct {
	Name string
	Hold time.Duration // from its start to its end
	// Start begins the fault, choosing its victims by r, and returns what ends it.
	Start func(w *world, r *rand.Rand) (end func())
	// Kills says that nodes are lost by it, so that sessions may move.
	Kills bool
	// Loses says that a Redis master forgets what it has acknowledged.
	Loses bool
	// Reshapes says that slots change their master by it, so that copies may be moved.
	Reshapes bool
	// Unseen says that no client may meet an error by it.
	Unseen bool
}

// afterwards is how long the load goes on over a fleet that is well again: what a fault broke shows then.
const afterwards = 700 * time.Millisecond

// play begins the fault, holds it, ends it, and waits until all is well again.
func (f Fault) play(w *world, r *rand.Rand) {
	lull(r, 500*time.Millisecond)
	end := f.begin(w, r)
	time.Sleep(f.Hold)
	end()
	w.recovered()
}

// begin notes what the run must not be blamed for, and begins the fault.
func (f Fault) begin(w *world, r *rand.Rand) (end func()) {
	w.reshaped, w.lost = w.reshaped || f.Reshapes, w.lost || f.Loses
	from := w.since() - beforeLoss
	restore := f.Start(w, r)
	if !f.Loses {
		return restore
	}
	return func() {
		restore()
		w.losses = append(w.losses, span{from, w.since() + afterLoss})
	}
}

// recovered waits until the fleet is well again, and a little longer.
func (w *world) recovered() {
	if err := w.settled(); err != nil {
		w.found.add(Healed, "", "after %s: %v", healLimit, err)
		return
	}
	time.Sleep(afterwards)
}

// madeGood is how long the loss of a master may matter: until every request that it met has ended and a sync round has looked at every session.
const madeGood = clientTimeout + 2*syncInterval

// rest waits until the next fault may come: before the loss of one master is made good, another would be a second one, which is not promised to
// be borne.
func (w *world) rest() {
	if w.lost {
		time.Sleep(madeGood)
		w.lost = false
	}
}

// lull is a quiet time of any length up to a limit.
func lull(r *rand.Rand, limit time.Duration) { time.Sleep(time.Duration(r.Int64N(int64(limit)))) }

// timeouts is so many heartbeat timeouts.
func timeouts(n float64) time.Duration { return time.Duration(n * float64(heartbeatTimeout)) }
