package chainmodel

// move gives a session another chain: the places that are new first, then the old copies, which keep the record as a
// pointer to the new ones, then home. Any refusal ends it; the next sync round looks whether it is still wanted.
func (a *actor) move(s *session, o *op) {
	t := &attempt{actor: a, s: s, o: o, born: a.now, stampOp: int(o.id)}
	t.resolveBase()
	if !t.base.live() || holds(t.base.Log, o.id) {
		return
	}
	next := s.child(t.base, o, a.node, t.stampOp)
	next.From, next.Chain = t.base.Chain, a.world.otherChain(t.base.Chain)
	if t.writeMove(next) {
		t.acknowledge(next)
	}
}

func (t *attempt) writeMove(next Record) bool {
	if !t.fill(next) {
		return false
	}
	old, home := t.old(), t.world.rules.home()
	order := append(old, home)
	if t.world.rules.lacks(MoveHomeLast) {
		order = append([]Place{home}, old...)
	}
	for _, p := range order {
		if t.write(p, next) != accepted {
			return false
		}
	}
	return true
}

// fill writes the record to the places that are new, over what ranks lower: nothing, a pointer or a stray. What ranks as
// high may be committed and all that is left of it.
func (t *attempt) fill(next Record) bool {
	for i := range len(next.Chain) {
		p := Place(next.Chain[i])
		if next.From.Has(p) {
			continue
		}
		born := t.born
		if t.world.rules.lacks(MoveAgeFromStart) {
			born = t.now
		}
		t.step()
		there := t.s.cells[p].rec
		if !t.world.above(next, there) && !t.world.rules.lacks(MoveSparesHigher) {
			return false
		}
		if t.cas(t.s, p, change{kind: Move, expect: there, next: next, born: born}) != accepted {
			return false
		}
	}
	return true
}

// old lists the places of the chain that the move leaves.
func (t *attempt) old() []Place {
	if t.world.rules.lacks(MoveWritesOldCopies) {
		return nil
	}
	var ps []Place
	for i := range len(t.base.Chain) {
		ps = append(ps, Place(t.base.Chain[i]))
	}
	return ps
}

// otherChain chooses a chain other than old.
func (w *World) otherChain(old Chain) Chain {
	var other []Chain
	for _, c := range w.chains(old) {
		if c != old {
			other = append(other, c)
		}
	}
	if len(other) == 0 {
		return old
	}
	return other[w.pick(len(other))]
}

// chains lists where a move may go: up to two copies at any candidates, or one more copy than there is. The first copy
// of a session without any is always its first candidate, for nothing but home sets two such moves apart.
func (w *World) chains(old Chain) []Chain {
	if old == "" && !w.rules.lacks(FirstCopyFixed) {
		return []Chain{chainOf(0)}
	}
	var all []Chain
	for p := range w.rules.home() {
		if w.rules.Grow {
			if !old.Has(p) && len(old) < 2 {
				all = append(all, old+chainOf(p))
			}
			continue
		}
		all = append(all, chainOf(p))
		for q := range w.rules.home() {
			if q != p {
				all = append(all, chainOf(p, q))
			}
		}
	}
	return all
}
