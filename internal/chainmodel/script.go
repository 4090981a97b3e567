package chainmodel

// change is one compare-and-set as it is sent to a place.
type change struct {
	kind   Kind // what the sender set out to do; the script must not care
	expect Record
	next   Record
	born   int // the tick from which the request's age counts
}

// cas is the one script that every change runs on every place: replace the record if it is exactly the one expected.
func (s *session) cas(p Place, c change) reply {
	w, cell := s.world, &s.cells[p]
	cur := cell.rec
	if w.same(cur, c.next) && !w.rules.lacks(SelfRecognition) {
		return accepted
	}
	if !s.admits(p, cur, c) {
		return refused
	}
	next := cell.state
	next.rec, next.writtenAt = c.next, w.now
	if p == w.rules.home() {
		next = s.commit(cell.state, next, c)
	}
	s.put(p, next)
	return accepted
}

// admits is the compare of the compare-and-set.
func (s *session) admits(p Place, cur Record, c change) bool {
	r := s.world.rules
	ok := s.world.same(cur, c.expect)
	if r.lacks(CompareEquals) {
		ok = s.world.above(c.next, cur)
	}
	if r.lacks(CompareOnHome) && p == r.home() || r.lacks(CompareOnCopy) && p != r.home() {
		ok = true
	}
	tooOld := r.Deadline > 0 && c.expect.Absent() && s.world.now-c.born > r.Deadline
	return ok && !(tooOld && !r.lacks(CreateDeadline))
}

// commit adds what only home's script does: indexes and lease from the difference of the two records.
func (s *session) commit(old, next state, c change) state {
	next.lease = old.lease.follow(old.rec, next.rec)
	if s.world.rules.lacks(DeriveFromRecords) {
		next.derived = old.derived.followWriter(c.kind, c.expect, next.rec)
	} else {
		next.derived = old.derived.follow(old.rec, next.rec)
	}
	return next
}

// erase deletes the record at p if it is exactly the one expected and it is old enough.
func (s *session) erase(p Place, expect Record, age int) reply {
	cell := &s.cells[p]
	if !s.world.same(cell.rec, expect) || s.world.now-cell.writtenAt < age {
		return refused
	}
	if expect.Absent() {
		return accepted
	}
	next := state{lease: cell.lease}
	if p == s.world.rules.home() {
		next.derived = cell.derived.follow(cell.rec, Record{})
	}
	s.put(p, next)
	return accepted
}

// cas sends one compare-and-set over the network.
func (a *actor) cas(s *session, p Place, c change) reply {
	return a.call(func() reply { return s.cas(p, c) })
}

// takeLease is SET NX on the key beside home: free or already this node's.
func (a *actor) takeLease(s *session, node, epoch int) reply {
	return a.call(func() reply {
		home := &s.cells[s.world.rules.home()]
		if l := home.lease; l.holder != 0 && l.holder != 1+node {
			return refused
		}
		next := home.state
		next.lease = lease{1 + node, epoch}
		home.store(next, s.world.now)
		return accepted
	})
}
