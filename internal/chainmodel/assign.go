package chainmodel

// assign gives a session to the least loaded node, away from the one that has it, or ends it: create, takeover and
// delete are one path for the counts.
type assign struct {
	*actor
	fleet    *fleet
	session  int
	base     holding
	in, out  int // attempts: what arrives, what leaves
	deadline int
}

// run is one attempt from reservation to settlement. Whoever stops in the middle leaves its claims to their deadline.
func (t *assign) run(end bool) {
	t.step()
	t.base = t.fleet.home[t.session]
	t.deadline = t.now + claimLife
	owned := t.base.owner >= 0
	if end && !owned {
		return
	}
	next := holding{rank: t.base.rank + 1, attempt: t.in, owner: -1}
	if !end {
		node, ok := t.reserve()
		if !ok {
			return
		}
		next.owner = node
	}
	if owned && !t.fleet.lacks(ReleaseBeforeCommit) && !t.beginRelease() {
		return
	}
	o := t.commit(next)
	if owned && t.fleet.lacks(ReleaseBeforeCommit) {
		t.beginRelease()
	}
	t.settle(o, end, owned)
}

// reserve asks until there is an answer.
func (t *assign) reserve() (int, bool) {
	l, now := &t.fleet.ledger, &t.fleet.now
	for range 3 {
		node, ok := 0, false
		if t.call(func() reply {
			node, ok = l.reserve(*now, t.in, t.session, t.deadline, t.base.owner)
			return accepted
		}) == accepted {
			return node, ok
		}
	}
	return 0, false
}

// beginRelease announces the departure and goes on only when it knows that this was heard.
func (t *assign) beginRelease() bool {
	l, now := &t.fleet.ledger, &t.fleet.now
	for range 3 {
		ok := false
		if t.call(func() reply {
			ok = l.beginRelease(*now, t.out, t.session, t.deadline, t.base.owner)
			return accepted
		}) == accepted {
			return ok
		}
	}
	return false
}

// outcome is what an attempt knows of its change.
type outcome int

const (
	made outcome = iota
	missed
	open // it may still land
)

// commit writes the change to copy and home and finds out what became of it.
func (t *assign) commit(next holding) outcome {
	f := t.fleet
	if t.call(func() reply { return f.cas(f.copy, t.session, t.base, next, t.deadline) }) == accepted &&
		t.call(func() reply { return f.cas(f.home, t.session, t.base, next, t.deadline) }) == accepted {
		return made
	}
	switch now := f.resolve(t.actor, t.session); {
	case now == next:
		return made
	case now == t.base:
		return open
	case now.rank > next.rank:
		return open // others have gone on; whether through this change is not known any more
	default:
		return missed
	}
}

// settle tells the ledger how it ended. What is not known is left to the deadline.
func (t *assign) settle(o outcome, end, owned bool) {
	if o == open && t.fleet.lacks(UnknownLeftToExpire) {
		o = missed
	}
	if o == open {
		return
	}
	l := &t.fleet.ledger
	if !end {
		t.call(func() reply { l.settle(t.in, o == made); return accepted })
	}
	gone := o == made || t.fleet.lacks(OnlyMineCountsDown)
	if owned {
		t.call(func() reply { l.settle(t.out, !gone); return accepted })
	}
}
