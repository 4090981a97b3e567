package chainmodel

// collect ends a session's tombstones, and the records that moves left behind, once no rollback can reach back to
// before them. It never acts on one record's word.
func (a *actor) collect(s *session) {
	if a.world.rules.lacks(CollectLooksAtAll) {
		a.collectOne(s)
		return
	}
	everywhere := !a.world.rules.lacks(CollectLooksOffChain)
	l := a.look(s, everywhere)
	home := l.seen[a.world.rules.home()].rec
	if !l.agrees(home) {
		return
	}
	if !a.collectStrays(l, home) {
		return
	}
	if home.Tomb {
		a.collectTombstone(l, home)
	}
}

// agrees reports whether home and its whole chain were read as the same record.
func (l *look) agrees(home Record) bool {
	if home.Absent() {
		return false
	}
	for i := range len(home.Chain) {
		if !l.session.world.same(l.seen[home.Chain[i]].rec, home) {
			return false
		}
	}
	return true
}

// collectStrays deals with records outside the chain. It reports whether none is left that differs from home.
func (a *actor) collectStrays(l *look, home Record) bool {
	clean := true
	for p := range a.world.rules.home() {
		if l.seen[p].rec.Absent() || home.Chain.Has(p) || !l.reached.has(p) {
			continue
		}
		if home.Tomb && a.world.same(l.seen[p].rec, home) {
			continue
		}
		clean = a.collectStray(l, p, home) && clean
	}
	return clean
}

// collectStray writes a tombstone over what is left of a deleted session, so that its age counts from now; what a move
// left of a living one it erases after the retention. It reports whether the stray is no danger to what follows.
func (a *actor) collectStray(l *look, p Place, home Record) bool {
	s, r, stray := l.session, a.world.rules, l.seen[p]
	if home.Tomb && !r.lacks(StraysAreBuried) {
		a.cas(s, p, change{expect: stray.rec, next: home, born: l.born[p]})
		return false
	}
	old := l.age(p, stray.writtenAt) >= r.Retention || r.lacks(PointersKept)
	if !old && !home.Tomb {
		return true
	}
	return a.call(func() reply { return s.erase(p, stray.rec, 0) }) == accepted
}

// collectTombstone erases the same tombstone everywhere, home last, where each is old enough by its own server's time.
func (a *actor) collectTombstone(l *look, home Record) {
	s, age := l.session, a.world.rules.Retention
	var found []Place
	for p := range a.world.rules.home() + 1 {
		if !l.reached.has(p) || l.seen[p].rec.Absent() {
			continue
		}
		if !a.world.same(l.seen[p].rec, home) || l.age(p, l.seen[p].writtenAt) < age {
			return
		}
		found = append(found, p)
	}
	for _, p := range found {
		if a.call(func() reply { return s.bury(p, home, age) }) != accepted {
			return
		}
	}
}

// collectOne is the control: one record's word is enough.
func (a *actor) collectOne(s *session) {
	p := Place(a.pick(len(s.cells)))
	a.step()
	if r := s.cells[p].rec; r.Tomb {
		s.bury(p, r, a.world.rules.Retention)
	}
}

func (s *session) bury(p Place, tomb Record, age int) reply {
	r := s.erase(p, tomb, age)
	s.ended = s.ended || r == accepted
	return r
}
