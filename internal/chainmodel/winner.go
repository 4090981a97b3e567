package chainmodel

// claim is one stamp that was read, with the places that hold it.
type claim struct {
	rec Record
	at  places
}

// winner is the record that a look stands for: the highest rank among the reached; of equal ranks home's, else the one
// that a move has not yet left behind, else the one nearest home. It is absent when nothing was reached.
func (l *look) winner() Record {
	var best claim
	for _, c := range l.claims() {
		if best.rec.Absent() || l.beats(c, best) {
			best = c
		}
	}
	return best.rec
}

// claims groups the reached records by stamp.
func (l *look) claims() []claim {
	var cs []claim
next:
	for p := range l.session.world.rules.home() + 1 {
		if !l.reached.has(p) || l.seen[p].rec.Absent() {
			continue
		}
		for i := range cs {
			if l.session.world.same(cs[i].rec, l.seen[p].rec) {
				cs[i].at.add(p)
				continue next
			}
		}
		cs = append(cs, claim{l.seen[p].rec, 1 << p})
	}
	return cs
}

func (l *look) beats(x, y claim) bool {
	w := l.session.world
	if w.above(x.rec, y.rec) || w.above(y.rec, x.rec) {
		return w.above(x.rec, y.rec)
	}
	if w.rules.lacks(HomeWinsTies) {
		return x.at.nth(0) < y.at.nth(0)
	}
	if home := w.rules.home(); x.at.has(home) || y.at.has(home) {
		return x.at.has(home)
	}
	if older, newer := x.at&y.rec.From.set() != 0, y.at&x.rec.From.set() != 0; older != newer && !w.rules.lacks(FromBreaksTies) {
		return older
	}
	return x.nearness(y.rec.Chain) > y.nearness(x.rec.Chain)
}

// nearness is how late in the write order the claim's last place comes. Two chains that differ are compared by the
// numbers of their places, which is arbitrary but the same for everybody.
func (c claim) nearness(other Chain) int {
	last := -1
	if c.rec.Chain == other {
		for i := range len(other) {
			if c.at.has(Place(other[i])) {
				last = i
			}
		}
		return last
	}
	for p := range Place(maxPlaces) {
		if c.at.has(p) {
			last = int(p)
		}
	}
	return last
}
