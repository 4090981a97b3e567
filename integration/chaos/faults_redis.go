package chaos

import (
	"math/rand/v2"
	"time"

	"orchestrator/internal/redistest"
)

// What can happen to Redis, by signals and orders alone.
var (
	masterKilled = Fault{Name: "master killed", Loses: true, Hold: time.Second, Start: killMaster}
	// It answers what was queued when it goes on, and loses all of that.
	masterStopped = Fault{Name: "master stopped", Loses: true, Hold: 500 * time.Millisecond, Start: stopMaster}
	slotsMigrated = Fault{Name: "slots migrated", Reshapes: true, Unseen: true, Start: migrateSlots}
	masterJoins   = Fault{Name: "empty master joins", Reshapes: true, Unseen: true, Hold: time.Second, Start: addMaster}
	snapshots     = Fault{Name: "snapshots", Unseen: true, Hold: time.Second, Start: saveAll}
	// Nothing that grows is taken; what keeps nodes and sessions alive is.
	memoryFull = Fault{Name: "memory full", Hold: timeouts(3), Start: fillMemory}
	// For longer than every registration: nobody may take it for the death of all nodes.
	redisStopped = Fault{Name: "all redis stopped", Hold: timeouts(3), Start: stopRedis}
)

// slots is how many slots a cluster has.
const slots = 16384

func (w *world) anyMaster(r *rand.Rand) (*redistest.Node, int) {
	slot := r.IntN(slots)
	return w.cluster.MasterOf(w.t, slot), slot
}

func killMaster(w *world, r *rand.Rand) func() {
	m, slot := w.anyMaster(r)
	w.note("SIGKILL master %s", m)
	m.Kill(w.t)
	heir := w.cluster.AwaitNewMaster(w.t, slot, m)
	w.note("%s has taken over", heir)
	return func() {
		w.note("start %s again", m)
		m.Restart(w.t)
	}
}

func stopMaster(w *world, r *rand.Rand) func() {
	m, slot := w.anyMaster(r)
	w.note("SIGSTOP master %s", m)
	m.Pause(w.t)
	heir := w.cluster.AwaitNewMaster(w.t, slot, m)
	w.note("%s has taken over", heir)
	return func() {
		w.note("SIGCONT %s", m)
		m.Resume(w.t)
	}
}

// migratedSlots is how many slots change their master, at most.
const migratedSlots = 6

func migrateSlots(w *world, r *rand.Rand) func() {
	from, _ := w.anyMaster(r)
	to, _ := w.anyMaster(r)
	for to == from {
		to, _ = w.anyMaster(r)
	}
	moving := w.tagged(from)
	w.note("migrate slots %v from %s to %s", moving, from, to)
	w.cluster.MigrateSlots(w.t, from, to, moving...)
	return func() {
		w.note("migrate them back")
		w.cluster.MigrateSlots(w.t, to, from, moving...)
	}
}

// tagged are slots of a master that keys of sessions lie in.
func (w *world) tagged(n *redistest.Node) (some []int) {
	for _, slot := range w.cluster.Slots(w.t, n) {
		if slot%(slots/partitions) == 0 && len(some) < migratedSlots {
			some = append(some, slot)
		}
	}
	return some
}

// addMaster has a master join that knows no script, and gives it work.
func addMaster(w *world, r *rand.Rand) func() {
	from, _ := w.anyMaster(r)
	joined := w.cluster.AddMaster(w.t)
	w.note("%s has joined", joined)
	moving := w.tagged(from)
	w.note("migrate slots %v from %s to it", moving, from)
	w.cluster.MigrateSlots(w.t, from, joined, moving...)
	return func() {}
}

func saveAll(w *world, _ *rand.Rand) func() {
	w.note("BGSAVE everywhere")
	for _, n := range w.redis.Nodes() {
		if err := n.Admin(w.t).BgSave(w.t.Context()).Err(); err != nil {
			w.t.Errorf("BGSAVE on %s: %v", n, err)
		}
	}
	return func() {}
}

func stopRedis(w *world, _ *rand.Rand) func() {
	w.note("SIGSTOP every redis server")
	for _, n := range w.redis.Nodes() {
		n.Pause(w.t)
	}
	return func() {
		w.note("SIGCONT every redis server")
		for _, n := range w.redis.Nodes() {
			n.Resume(w.t)
		}
	}
}

func fillMemory(w *world, _ *rand.Rand) func() {
	w.note("no redis server has memory left")
	redistest.LimitMemory(w.t, w.redis, 1) // less than any server uses
	return func() {
		w.note("there is memory again")
		redistest.LimitMemory(w.t, w.redis, 0)
	}
}
