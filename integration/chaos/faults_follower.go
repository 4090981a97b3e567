package chaos

import "math/rand/v2"

// followerStopped is what can happen to the process beside a node: it neither reads nor acknowledges. What it held is moved when what it
// was told last has run out, and it may not go on with that when it wakes.
var followerStopped = Fault{Name: "follower stopped", Hold: timeouts(2), Start: stopFollower}

func stopFollower(w *world, r *rand.Rand) func() {
	f := w.followers[r.IntN(len(w.followers))]
	w.note("the follower of %s stops", f.name)
	f.stop(true)
	return func() {
		w.note("the follower of %s goes on", f.name)
		f.stop(false)
	}
}
