package chainmodel

// batch adds an actor that changes every session at once: one call to the copies' slot, one to home's, each session
// judged alone.
func (g *run) batch() {
	kind := []Kind{Write, Takeover, Delete, Create}[g.random.IntN(4)]
	if kind == Create && g.shape.Seeded {
		kind = Write
	}
	node := g.node()
	var ops []*op
	for _, s := range g.sessions {
		if kind == Create {
			ops = append(ops, s.ops[0]) // the create again, this time in a batch
		} else {
			ops = append(ops, s.newOp(kind, node))
		}
	}
	g.spawn("batch", node, func(a *actor) {
		a.request()
		a.changeAll(g.sessions, ops)
	})
}

// changeAll carries one operation of each session through the chain together. Whoever is refused goes on alone, after
// the batch; a silence sends all on alone.
func (a *actor) changeAll(sessions []*session, ops []*op) {
	var going, alone []*attempt
	for i, s := range sessions {
		s.begin(ops[i])
		t := a.newAttempt(s, ops[i])
		t.findBase()
		switch {
		case !t.ready():
		case len(going) == 0 || t.chain() == going[0].chain():
			going = append(going, t)
		default:
			alone = append(alone, t)
		}
	}
	out := a.batched(going)
	for _, t := range append(out, alone...) {
		if t.settle() {
			t.run()
		}
	}
}

// next is the base with the operation applied.
func (t *attempt) next() Record { return t.s.child(t.base, t.o, t.node, t.stampOp) }

func (t *attempt) chain() Chain { return t.next().Chain }

// batched carries the attempts along the chain and returns those that fell out.
func (a *actor) batched(going []*attempt) (out []*attempt) {
	if len(going) == 0 {
		return nil
	}
	for _, p := range going[0].order(Record{Chain: going[0].chain()}) {
		on, off := a.sendAll(p, going)
		going, out = on, append(out, off...)
	}
	for _, t := range going {
		t.acknowledge(t.next())
	}
	return out
}

// sendAll is one call that carries the compare-and-set of every attempt, each judged alone.
func (a *actor) sendAll(p Place, all []*attempt) (on, off []*attempt) {
	changes, replies := make([]change, len(all)), make([]reply, len(all))
	for i, t := range all {
		changes[i] = change{kind: t.o.kind, expect: t.base, next: t.next(), born: t.born}
	}
	answer := a.call(func() reply {
		for i, t := range all {
			replies[i] = t.s.cas(p, changes[i])
		}
		return accepted
	})
	for i, t := range all {
		if answer == accepted && replies[i] == accepted {
			on = append(on, t)
		} else {
			off = append(off, t)
		}
	}
	return on, off
}
