package chainmodel

import (
	"io"
	"math/rand/v2"
)

// run is one random run under way.
type run struct {
	*World
	shape  Shape
	random *rand.Rand
	asleep map[*actor]int // until which tick
}

// randomDice makes the world's free choices from the run's seed.
type randomDice struct{ *rand.Rand }

func (d randomDice) Pick(n int) int { return d.IntN(n) }

// Run plays one random run and checks it. What happened is written to log unless it is nil.
func Run(r Rules, shape Shape, log io.Writer) *World {
	w := newWorld(r)
	w.log = log
	d := rand.New(rand.NewPCG(shape.Seed, 78))
	w.dice = randomDice{d}
	w.net = lossy{d, shape.Doubling, shape.Timeout}
	g := &run{World: w, shape: shape, random: d, asleep: map[*actor]int{}}
	g.cast()
	g.play()
	w.finish()
	return w
}

// cast puts everybody on the stage.
func (g *run) cast() {
	for _, s := range g.sessions {
		if g.shape.Seeded {
			s.seed()
		} else {
			g.ask(s, Create)
		}
		for _, k := range g.shape.Ops {
			g.ask(s, k)
		}
		g.castReaders(s)
	}
	for range g.shape.Batches {
		g.batch()
	}
	if g.rules.Retention > 0 {
		g.castCollectors()
	}
}

// castReaders adds the readers and the sync rounds of one session.
func (g *run) castReaders(s *session) {
	for i := range g.shape.Readers + 1 {
		g.repeat("read", g.node(), 1+g.random.IntN(4), func(a *actor) { a.get(s, i == 0) })
	}
	g.repeat("sync", 0, g.shape.Syncs, func(a *actor) {
		a.resolve(s, reading{everywhere: g.rules.Moves})
	})
}

func (g *run) castCollectors() {
	for _, s := range g.sessions {
		for range 3 {
			g.repeat("collect", 0, 30, func(a *actor) { a.collect(s) })
		}
	}
}

func (g *run) node() int { return g.random.IntN(nodes) }

// repeat adds an actor that makes n requests, one after another.
func (g *run) repeat(name string, node, n int, f func(a *actor)) {
	g.spawn(name, node, func(a *actor) {
		for range n {
			a.request()
			f(a)
		}
	})
}

// ask has a new operation attempted, and with one chance in three asked for again, each time through some node.
func (g *run) ask(s *session, k Kind) {
	node := g.node()
	o := s.newOp(k, node)
	g.attempt(s, o, node)
	if k == Move {
		return
	}
	for g.random.IntN(3) == 0 {
		if g.rules.Retention > 0 && g.random.IntN(2) == 0 {
			g.attemptLate(s, o)
		} else {
			g.attempt(s, o, g.node())
		}
	}
}

func (g *run) attempt(s *session, o *op, node int) {
	g.spawn(o.kind.String(), node, func(a *actor) {
		a.request()
		s.begin(o)
		a.change(s, o)
	})
}

// attemptLate asks again after tombstones may have been collected.
func (g *run) attemptLate(s *session, o *op) {
	at := g.random.IntN(500)
	g.spawn(o.kind.String()+" again, late", g.node(), func(a *actor) {
		for g.now < at {
			a.step()
		}
		if o.start >= 0 {
			a.began = g.now
			a.change(s, o)
		}
	})
}

// play lets actors take steps in random order, with crashes, rollbacks and long sleeps.
func (g *run) play() {
	limit := 3000
	if g.rules.Retention > 0 {
		limit = 600
	}
	for range limit {
		actors := g.awake()
		if len(actors) == 0 {
			return
		}
		g.turn(actors[g.random.IntN(len(actors))])
	}
}

// turn is one step of the run.
func (g *run) turn(a *actor) {
	switch {
	case g.now < g.asleep[a]:
		g.now++
	case g.random.IntN(60) == 0:
		g.asleep[a] = g.now + g.random.IntN(120)
	case g.random.IntN(1000) < g.shape.Loss && g.mayLose() && g.loseSome():
	case g.random.IntN(1000) < g.shape.Crash:
		a.crash()
	default:
		if g.random.IntN(25) == 0 {
			g.expireLeases()
		}
		g.advance(a)
	}
}

func (g *run) expireLeases() {
	for _, s := range g.sessions {
		home := &s.cells[g.rules.home()]
		next := home.state
		next.lease = lease{}
		home.store(next, g.now)
	}
}

// loseSome rolls one place back, half the time to its near past. It reports false where there is no past.
func (g *run) loseSome() bool {
	s := g.sessions[g.random.IntN(len(g.sessions))]
	p := Place(g.random.IntN(len(s.cells)))
	ks := g.promised(s, p, s.cells[p].reachable(g.now, g.rules.Horizon))
	if len(ks) == 0 {
		return false
	}
	k := ks[g.random.IntN(len(ks))]
	if g.random.IntN(2) == 0 {
		k = ks[len(ks)-1-g.random.IntN(min(3, len(ks)))]
	}
	g.lose(p, s.cells[p].past[k].at)
	return true
}

// promised leaves out what no protocol could mend: home's loss while there is no copy, and its return to such a time.
func (g *run) promised(s *session, p Place, ks []int) []int {
	if !g.rules.Grow || p != g.rules.home() {
		return ks
	}
	if s.home().Chain == "" {
		return nil
	}
	var out []int
	for _, k := range ks {
		if r := s.cells[p].past[k].rec; r.Absent() || r.Chain != "" {
			out = append(out, k)
		}
	}
	return out
}
