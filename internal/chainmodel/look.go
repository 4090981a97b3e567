package chainmodel

import "math/bits"

// places is a set of places.
type places uint8

func (s places) has(p Place) bool { return s&(1<<p) != 0 }
func (s *places) add(p Place)     { *s |= 1 << p }

func (c Chain) set() (s places) {
	for i := range len(c) {
		s.add(Place(c[i]))
	}
	return s
}

// look is one reading of a session's records, each at its own moment.
type look struct {
	session *session
	began   int
	all     bool // every candidate counts, as in a sync round
	read    places
	reached places
	seen    [maxPlaces]state
	seenAt  [maxPlaces]int // the server's time of each reading
	born    [maxPlaces]int // what a change that builds on this reading counts its age from
}

// look reads home and, at the same time, the chain that this node believes in; then whatever home and the records it
// leads to name besides. A place that was merely believed in counts only once it is reached.
func (a *actor) look(s *session, everywhere bool) *look {
	l := &look{session: s, began: a.now, all: everywhere}
	a.readPlaces(l, l.guess(a.node))
	for next := l.reach(); next != 0; next = l.reach() {
		a.readPlaces(l, next)
	}
	return l
}

// guess is what can be read before home has answered.
func (l *look) guess(node int) places {
	r := l.session.world.rules
	chain := r.firstChain()
	if cached := l.session.cache[node]; !cached.Absent() {
		chain = cached.Chain
	}
	want := chain.set()
	if l.all {
		want = l.everyPlace()
	}
	want.add(r.home())
	return want
}

func (l *look) everyPlace() places { return 1<<(l.session.world.rules.Candidates+1) - 1 }

// readPlaces reads each of the places, in any order, one step each.
func (a *actor) readPlaces(l *look, want places) {
	for want != 0 {
		k := a.pick(bits.OnesCount8(uint8(want)))
		p := want.nth(k)
		a.step()
		l.seen[p], l.seenAt[p], l.born[p] = l.session.cells[p].state, a.now, l.began
		if a.world.rules.lacks(AgeFromRoundStart) {
			l.born[p] = a.now
		}
		l.read.add(p)
		want &^= 1 << p
	}
}

// nth is the k-th place of the set.
func (s places) nth(k int) Place {
	for range k {
		s &= s - 1
	}
	return Place(bits.TrailingZeros8(uint8(s)))
}

// reach extends what counts and returns the places that count and are not read yet.
func (l *look) reach() places {
	r := l.session.world.rules
	home := r.home()
	l.reached.add(home)
	if l.all || l.read.has(home) && l.homeless() {
		l.reached |= l.everyPlace()
	}
	if r.lacks(OnlyReachedCounts) {
		l.reached |= l.read
	}
	for again := true; again; {
		before := l.reached
		for p := range home + 1 {
			if l.reached.has(p) && l.read.has(p) {
				l.reached |= l.leads(p)
			}
		}
		again = l.reached != before
	}
	return l.reached &^ l.read
}

// leads is where the record at p says that others lie: its chain, and the chain that a move left. A move that was never
// finished may have written over the pointer that stood at p, and then only From leads back. Where nothing lies any more a
// pointer may have lain, and then it could have led anywhere.
func (l *look) leads(p Place) places {
	r, rules := l.seen[p].rec, l.session.world.rules
	switch {
	case r.Absent() && !rules.lacks(AbsenceReachesAll):
		return l.everyPlace()
	case rules.lacks(FromIsReached):
		return r.Chain.set()
	default:
		return r.Chain.set() | r.From.set()
	}
}

// age is how old something written at tick since was at place p when it was read there. A later moment will not do: a
// rollback may have come between.
func (l *look) age(p Place, since int) int {
	w := l.session.world
	if w.rules.lacks(AgeAtReading) {
		return w.now - since
	}
	return l.seenAt[p] - since
}

// homeless reports whether home cannot say where the copies are: nothing is there, or a record from a time without any.
func (l *look) homeless() bool {
	r := l.session.world.rules
	home := l.seen[r.home()].rec
	return home.Absent() || home.Chain == "" && !r.lacks(EmptyChainReachesAll)
}
