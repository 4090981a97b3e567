package chainmodel

// attempt is one node's handling of one operation. Create, write, takeover and delete are one path.
type attempt struct {
	*actor
	s       *session
	o       *op
	base    Record
	firm    bool // the base was resolved: it may be answered from
	born    int  // the tick from which the age of the request counts
	stampOp int
}

// newAttempt is a node's first sight of a request.
func (a *actor) newAttempt(s *session, o *op) *attempt {
	t := &attempt{actor: a, s: s, o: o, born: a.now, stampOp: int(o.id)}
	if o.kind != Create {
		return t
	}
	if !a.world.rules.lacks(AgeFromBirth) {
		t.born = o.start // the time within the id
	}
	if !a.world.rules.lacks(CreateStampPerAttempt) {
		a.world.nextOp++
		t.stampOp = a.world.nextOp
	}
	return t
}

// change carries out an operation: find a base, decide on it, write the chain, and start over from a resolved base
// after any refusal.
func (a *actor) change(s *session, o *op) {
	if o.kind == Move {
		a.move(s, o)
		return
	}
	t := a.newAttempt(s, o)
	t.findBase()
	t.run()
}

// run repeats decision and writing until there is an answer.
func (t *attempt) run() {
	for t.ready() {
		if t.apply() || !t.settle() {
			return
		}
	}
}

// findBase takes a record known to have been on home. A create expects absence and reads nothing.
func (t *attempt) findBase() {
	cached := t.s.cache[t.node]
	switch base := t.world.rules.Base; {
	case t.o.kind == Create:
	case base == BaseCache && !cached.Absent():
		t.base = cached
	case base == BaseCache || base == BaseHome:
		t.step()
		t.base = t.s.home()
	case base == BaseCopy:
		t.step()
		t.base = t.s.cells[0].rec
	default:
		t.resolveBase()
	}
}

func (t *attempt) resolveBase() { t.base, t.firm = t.resolve(t.s, reading{}), true }

// verdict is what the base says about the operation.
type verdict int

const (
	apply verdict = iota
	applied
	denied    // 404, 409 or 412
	undecided // "unknown" is the answer
)

// ready decides whether the operation is to be applied to the base. An answer other than "applied before" is given
// only from a resolved base.
func (t *attempt) ready() bool {
	v := t.judge()
	if (v == denied || v == undecided) && !t.firm {
		t.resolveBase()
		v = t.judge()
	}
	switch v {
	case applied:
		t.acknowledge(t.base)
	case denied:
		t.o.refused = true
	case apply:
		return t.o.kind != Takeover || !t.world.rules.Lease || t.takeLease(t.s, t.o.node, t.base.Epoch+1) == accepted
	}
	return false
}

func (t *attempt) judge() verdict {
	r := t.world.rules
	switch {
	case t.o.kind == Create:
		return t.judgeCreate()
	case holds(t.base.Ops, t.o.id) && !r.lacks(OpRecognition):
		return applied
	case r.Floor && t.o.id <= t.base.Floor:
		return undecided
	case t.base.Absent():
		return undecided // 404, and yet a create under way may make it exist
	case t.base.Tomb, t.o.kind == HolderWrite && t.base.Epoch != t.o.epoch && !r.lacks(HolderEpoch):
		return denied
	default:
		return apply
	}
}

// judgeCreate: any record under the id, a tombstone too, was made by this create, for the id is the create's own.
func (t *attempt) judgeCreate() verdict {
	switch {
	case t.base.Absent():
		return apply
	case t.world.rules.lacks(OpRecognition):
		return denied
	default:
		return applied
	}
}

// settle follows a refusal or a silence: nothing but a resolved base is right after it. It reports false when there is
// no going on.
func (t *attempt) settle() bool {
	r := t.world.rules
	if r.lacks(RefuseAfterResolve) && t.o.kind == HolderWrite {
		t.o.refused = true
		return false
	}
	if t.o.kind != Create {
		t.born = t.now
	}
	t.resolveBase()
	tooOld := t.o.kind == Create && r.Deadline > 0 && t.now-t.born > r.Deadline
	return !tooOld || !t.base.Absent()
}
