package chaos

import (
	"math/rand/v2"
	"time"

	"orchestrator/integration/harness"
)

// What can happen to a node.
var (
	nodeKilled = Fault{Name: "node killed", Kills: true, Start: killNode}
	// Longer than its registration, so that others take what it had before it goes on.
	nodeStopped = Fault{Name: "node stopped", Kills: true, Hold: timeouts(2), Start: stopNode}
	nodeDrained = Fault{Name: "node drained", Kills: true, Start: drainNode}
	// Most of the fleet stands still and comes back: nobody may be declared dead.
	mostStopped = Fault{Name: "most nodes stopped", Hold: timeouts(1.3), Start: stopMost}
)

func (w *world) anyNode(r *rand.Rand) *harness.Process { return w.nodes[r.IntN(len(w.nodes))] }

func killNode(w *world, r *rand.Rand) func() {
	n := w.anyNode(r)
	w.note("SIGKILL %s", n.Name())
	n.Kill(w.t)
	began := time.Now()
	return func() {
		w.ownedAgain(n, began)
		w.note("start %s again", n.Name())
		n.Restart(w.t)
		n.WaitReady(w.t)
	}
}

func stopNode(w *world, r *rand.Rand) func() {
	n := w.anyNode(r)
	w.note("SIGSTOP %s", n.Name())
	n.Pause(w.t)
	began := time.Now()
	return func() {
		w.ownedAgain(n, began)
		w.note("SIGCONT %s", n.Name())
		n.Resume(w.t)
	}
}

// exitLimit is how long a node that was told to end may take.
const exitLimit = 25 * time.Second

func drainNode(w *world, r *rand.Rand) func() {
	n := w.anyNode(r)
	w.note("SIGTERM %s", n.Name())
	n.Terminate(w.t)
	began := time.Now()
	return func() {
		if err := n.Wait(w.t, exitLimit); err != nil {
			w.found.add(LeftNothing, "", "%s ended with %v", n.Name(), err)
		}
		w.note("%s has ended", n.Name())
		w.ownedAgain(n, began)
		w.leftNothing(n)
		w.note("start %s again", n.Name())
		n.Restart(w.t)
		n.WaitReady(w.t)
	}
}

func stopMost(w *world, r *rand.Rand) func() {
	stopped := w.others(w.anyNode(r))
	for _, n := range stopped {
		w.note("SIGSTOP %s", n.Name())
		n.Pause(w.t)
	}
	return func() {
		for _, n := range stopped {
			w.note("SIGCONT %s", n.Name())
			n.Resume(w.t)
		}
	}
}
