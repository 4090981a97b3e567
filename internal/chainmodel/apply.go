package chainmodel

// apply writes base plus operation over the chain, copies in order and home last, and acknowledges when home said yes.
func (t *attempt) apply() bool {
	next := t.next()
	if t.o.kind == Delete && t.world.rules.lacks(TombstoneKept) {
		return t.remove(next)
	}
	return t.writeAll(next)
}

// writeAll writes next to the places of its chain and acknowledges it. It reports false where the operation is to be decided again.
func (t *attempt) writeAll(next Record) bool {
	order := t.order(next)
	if t.world.rules.lacks(CopiesBeforeHome) {
		ok := t.writeParallel(order, next)
		if ok {
			t.acknowledge(next)
		}
		return ok
	}
	for i, p := range order {
		if t.write(p, next) != accepted {
			if i == 0 || !t.fast() {
				return false
			}
			t.resolve(t.s, reading{}) // it is acknowledged: nothing of it is decided again
			return true
		}
		switch {
		case i == 0 && t.world.rules.lacks(AckAfterHome):
			t.acknowledge(next)
		case i == 0 && t.fast():
			t.acknowledgeEarly(next, p)
		}
	}
	t.acknowledge(next)
	return true
}

// fast reports whether the operation is acknowledged before it is committed. What gives a session to somebody, or ends it, is not.
func (t *attempt) fast() bool {
	return t.world.rules.Fast && (t.o.kind == Write || t.o.kind == HolderWrite)
}

func (t *attempt) write(p Place, next Record) reply {
	return t.cas(t.s, p, change{kind: t.o.kind, expect: t.base, next: next, born: t.born})
}

// order is the chain with home last.
func (t *attempt) order(next Record) []Place {
	r := t.world.rules
	home := r.home()
	if t.o.kind == Takeover && r.lacks(TakeoverWritesCopies) {
		return []Place{home}
	}
	var ps []Place
	for i := range len(next.Chain) {
		ps = append(ps, Place(next.Chain[i]))
	}
	if r.lacks(HomeLast) || r.lacks(FastWritesCopyFirst) && t.fast() {
		return append([]Place{home}, ps...)
	}
	return append(ps, home)
}

// writeParallel is the control without an order.
func (t *attempt) writeParallel(order []Place, next Record) bool {
	ok := true
	for len(order) > 0 {
		k := t.pick(len(order))
		p := order[k]
		order = append(order[:k:k], order[k+1:]...)
		ok = t.write(p, next) == accepted && ok
	}
	return ok
}

// remove is the control without tombstones: delete takes the records away.
func (t *attempt) remove(next Record) bool {
	base := t.base
	for _, p := range t.order(next) {
		if t.call(func() reply {
			if t.s.cells[p].rec.Absent() {
				return accepted
			}
			return t.s.erase(p, base, 0)
		}) != accepted {
			return false
		}
	}
	t.acknowledge(next)
	return true
}

// acknowledge tells the client that the operation is applied, as the record shows.
func (t *attempt) acknowledge(r Record) {
	o := t.o
	t.tracef("acknowledge op %d, %v", o.id, o.kind)
	if !o.acked {
		o.acked, o.end = true, t.now
	}
	if o.kind == Takeover {
		t.s.tell(o, r)
	}
	t.s.remember(t.node, r)
}

// acknowledgeEarly tells the client that the first place holds the operation. Nobody may build on that yet: its own node does not
// remember it, either.
func (t *attempt) acknowledgeEarly(r Record, first Place) {
	o := t.o
	t.tracef("acknowledge op %d early, %v", o.id, o.kind)
	if !o.acked {
		o.acked, o.early, o.first, o.end = true, true, first, t.now
	}
	if t.world.rules.lacks(FastIsNoBase) {
		t.s.remember(t.node, r)
	}
}

// tell notes the epoch under which a taker was told that it owns the session.
func (s *session) tell(o *op, r Record) {
	epoch := 0
	for i := range len(r.Log) {
		if r.Log[i] == o.id {
			epoch = int(r.Epochs[i])
		}
	}
	if o.toldEpoch != 0 && o.toldEpoch != epoch {
		s.world.report(ToldTwoEpochs)
	}
	o.toldEpoch = epoch
	s.told[o.node] = max(s.told[o.node], epoch)
}
