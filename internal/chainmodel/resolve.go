package chainmodel

import "slices"

// reading says how a linearizable read ends.
type reading struct {
	everywhere bool // look at every candidate, as a sync round does
	lazy       bool // answer when home holds the winner, before the others are mended
}

// resolve is the linearizable read, the sync round, and the answer to every refusal: read, find the winner, write it
// over every record that differs, and look again if any of that was refused.
func (a *actor) resolve(s *session, how reading) Record {
	for {
		l := a.look(s, how.everywhere)
		w := l.winner()
		if how.lazy && a.world.same(l.seen[a.world.rules.home()].rec, w) {
			return w
		}
		if a.mend(l, w) {
			return w
		}
	}
}

// mend writes the winner over all that differs from it, home last, each against exactly what was read there. It
// reports false at the first refusal or silence.
func (a *actor) mend(l *look, winner Record) bool {
	for _, p := range l.repairs(winner) {
		c := change{expect: l.seen[p].rec, next: winner, born: l.born[p]}
		if a.cas(l.session, p, c) != accepted {
			return false
		}
	}
	return true
}

// repairs lists the places that differ from the winner in the order to mend them: its chain, what a move left, other
// records, home.
func (l *look) repairs(winner Record) []Place {
	if winner.Absent() {
		return nil
	}
	home := l.session.world.rules.home()
	want := l.strays(winner)
	if !l.holds(home, winner) && !l.session.world.rules.lacks(RepairWritesFrom) {
		want |= winner.From.set()
	}
	var ps []Place
	for i := range len(winner.Chain) {
		ps = append(ps, Place(winner.Chain[i]))
	}
	for p := range home {
		if want.has(p) && !winner.Chain.Has(p) {
			ps = append(ps, p)
		}
	}
	ps = append(ps, home)
	return slices.DeleteFunc(ps, func(p Place) bool { return l.holds(p, winner) })
}

func (l *look) holds(p Place, r Record) bool { return l.session.world.same(l.seen[p].rec, r) }

// strays are the records outside the winner's chain that must be written over. One that names the winner's own chain
// only leads there and may stay behind.
func (l *look) strays(winner Record) (s places) {
	for p := range l.session.world.rules.home() {
		r := l.seen[p].rec
		if !l.reached.has(p) || winner.Chain.Has(p) || r.Absent() {
			continue
		}
		if r.Chain != winner.Chain || !l.session.world.above(winner, r) {
			s.add(p)
		}
	}
	return s
}
