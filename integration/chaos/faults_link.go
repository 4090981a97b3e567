package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"

	"orchestrator/integration/harness"
	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
)

// What can happen to the network. Those on Redis need servers that are [redistest.Proxied].
var (
	// The replica that takes over has not seen what was written last.
	masterRolledBack = Fault{Name: "master rolled back", Hold: time.Second, Loses: true, Start: rollBack}
	// It goes on answering clients until its node timeout, and loses that.
	masterParted = Fault{Name: "master in a minority", Hold: time.Second, Loses: true, Start: partMaster}
	// It knows who is alive, and forgets what it said of that last.
	fleetParted    = Fault{Name: "fleet master in a minority", Hold: time.Second, Loses: true, Start: partFleet}
	masterHangs    = Fault{Name: "master hangs", Hold: 2500 * time.Millisecond, Start: hangMaster}
	repliesDropped = Fault{Name: "replies dropped", Hold: 4 * time.Second, Start: dropReplies}
	slow           = Fault{Name: "latency", Hold: 4 * time.Second, Start: delayAll}
	// What is written at home cannot be written to its copy, and home goes back in time.
	homeRolledBack = Fault{Name: "home rolled back, copies cut off", Loses: true, Start: rollBackHomes}
	// It cannot renew its registration, and clients still reach it.
	nodeCutOff = Fault{Name: "node cut off", Kills: true, Hold: timeouts(2), Start: cutNode}
	// Nor can the one whose clock is slow, and which believes the longest that it may act.
	slowCutOff = Fault{Name: "clocks apart, node cut off", Kills: true, Hold: timeouts(2),
		Start: func(w *world, _ *rand.Rand) func() { return w.cut(slowest) }}
)

// apart are clocks of three machines that nobody has set: a minute ahead and behind, fast and slow.
var apart = []harness.Clock{{Ahead: time.Minute, Rate: 105}, {Ahead: -time.Minute, Rate: 95}, {Rate: 100}}

// slowest is the node with the slow clock.
const slowest = 1

// unreplicated is how long writes go to a master alone before it is killed.
const unreplicated = 500 * time.Millisecond

// seenAtHome is as long as an eventual read may come from a node's cache, and half a second in which it must come from home.
const seenAtHome = 1500 * time.Millisecond

func rollBack(w *world, r *rand.Rand) func() {
	m, slot := w.anyMaster(r)
	var behind []*redistest.Node
	for _, replica := range w.cluster.ReplicasOf(w.t, m) {
		w.note("replication to %s hangs", replica)
		w.cluster.Lag(w.t, replica)
		behind = append(behind, replica)
	}
	time.Sleep(unreplicated)
	w.note("SIGKILL master %s", m)
	m.Kill(w.t)
	heir := w.cluster.AwaitNewMaster(w.t, slot, m)
	w.note("%s has taken over", heir)
	return func() {
		w.note("start %s again", m)
		for _, replica := range behind {
			w.cluster.Rejoin(w.t, replica)
		}
		m.Restart(w.t)
	}
}

// rollBackHomes picks the pair of masters that most sessions have as home and as copy, neither of them the fleet's own, cuts clients off
// from the copies' one, and has the homes' one replaced by a replica that is behind. The cut lasts until every write that met it has
// been given up: one that is still tried would be made good.
func rollBackHomes(w *world, _ *rand.Rand) func() {
	home, copies, sessions := w.busiestPair()
	w.pool.focus(sessions...)
	behind := w.cluster.ReplicasOf(w.t, home)
	w.note("clients are cut off from %s; replication from %s hangs", copies, home)
	for _, replica := range behind {
		w.cluster.Lag(w.t, replica)
	}
	copies.Link(w.t).Cut(true)
	time.Sleep(seenAtHome)
	w.note("SIGKILL master %s", home)
	slot := w.cluster.Slots(w.t, home)[0]
	home.Kill(w.t)
	w.note("%s has taken over", w.cluster.AwaitNewMaster(w.t, slot, home))
	time.Sleep(requestTimeout)
	return func() {
		w.note("the links are well again; start %s", home)
		copies.Link(w.t).Heal()
		for _, replica := range behind {
			w.cluster.Rejoin(w.t, replica)
		}
		home.Restart(w.t)
		w.pool.focus()
	}
}

// enough is how many sessions a pair of masters must have in common, so that something can be seen on them.
const enough = 3

// busiestPair returns the masters, other than the one of the fleet's own keys, that are home and copy of most sessions, and those. It
// has the clients make sessions until there are enough.
func (w *world) busiestPair() (home, copies *redistest.Node, sessions []string) {
	err := await(healLimit, func() error {
		if home, copies, sessions = w.pair(); len(sessions) < enough {
			w.pool.grow(1)
			return fmt.Errorf("%d sessions have their home on %v and a copy on %v", len(sessions), home, copies)
		}
		return nil
	})
	if err != nil {
		w.t.Fatalf("chaos: %v", err)
	}
	w.note("%d sessions have their home on %s and a copy on %s", len(sessions), home, copies)
	return home, copies, sessions
}

func (w *world) pair() (home, copies *redistest.Node, sessions []string) {
	k, err := w.scan(w.t.Context())
	if err != nil {
		w.t.Fatalf("chaos: %v", err)
	}
	fleet := w.cluster.MasterOf(w.t, w.fleetSlot()).Addr()
	pairs := map[[2]string][]string{}
	best := [2]string{}
	for id, at := range k.homes {
		for _, other := range k.copies[id] {
			pair := [2]string{at, other}
			pairs[pair] = append(pairs[pair], id)
			if at != fleet && other != fleet && len(pairs[pair]) > len(pairs[best]) {
				best = pair
			}
		}
	}
	for _, n := range w.redis.Nodes() {
		switch n.Addr() {
		case best[0]:
			home = n
		case best[1]:
			copies = n
		}
	}
	return home, copies, pairs[best]
}

func partMaster(w *world, r *rand.Rand) func() {
	_, slot := w.anyMaster(r)
	return w.part(slot)
}

func partFleet(w *world, _ *rand.Rand) func() { return w.part(w.fleetSlot()) }

// fleetSlot is where the fleet's own keys lie.
func (w *world) fleetSlot() int { return keyspace.Slot(w.prefix + ":{fleet}:nodes") }

func (w *world) part(slot int) func() {
	m := w.cluster.MasterOf(w.t, slot)
	w.note("%s is parted from all servers, not from clients", m)
	w.cluster.Isolate(w.t, m)
	heir := w.cluster.AwaitNewMaster(w.t, slot, m)
	w.note("%s has taken over", heir)
	return func() {
		w.note("%s rejoins", m)
		w.cluster.Rejoin(w.t, m)
	}
}

func hangMaster(w *world, r *rand.Rand) func() {
	m, _ := w.anyMaster(r)
	w.note("the link to %s hangs", m)
	m.Link(w.t).Hang(true)
	return func() {
		w.note("the link to %s flows", m)
		m.Link(w.t).Hang(false)
	}
}

// dropped is the share of replies that are thrown away, with their connections.
const dropped = 0.01

func dropReplies(w *world, r *rand.Rand) func() {
	w.note("%.0f %% of all replies are dropped", 100*dropped)
	return w.links(func(l *redistest.Link) { l.Resets(dropped, r.Uint64()) })
}

const latency = 100 * time.Millisecond

func delayAll(w *world, _ *rand.Rand) func() {
	w.note("every request takes %s longer", latency)
	return w.links(func(l *redistest.Link) { l.Delay(latency) })
}

// links does something to every server's link; what it returns heals them.
func (w *world) links(do func(*redistest.Link)) func() {
	for _, n := range w.redis.Nodes() {
		do(n.Link(w.t))
	}
	return func() {
		w.note("the links are well again")
		for _, n := range w.redis.Nodes() {
			n.Link(w.t).Heal()
		}
	}
}

func cutNode(w *world, r *rand.Rand) func() { return w.cut(r.IntN(len(w.nodes))) }

func (w *world) cut(i int) func() {
	w.note("%s is cut off from redis", w.nodes[i].Name())
	w.proxies[i].Cut(true)
	began := time.Now()
	return func() {
		w.ownedAgain(w.nodes[i], began)
		w.note("%s reaches redis again", w.nodes[i].Name())
		w.proxies[i].Heal()
	}
}
