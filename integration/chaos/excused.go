package chaos

import (
	"math"
	"slices"
	"time"
)

// span is a time of the run.
type span struct {
	From time.Duration `json:"from"`
	To   time.Duration `json:"to"`
}

func (s span) meets(o Op) bool { return o.Call <= s.To && o.Return >= s.From }

// A loss concerns what was acknowledged a little before it, which home did not have yet, and a little after it, by a server that did not know yet that
// it was master no more.
const (
	beforeLoss = 2 * syncInterval // of a node that has died meanwhile, a sync round brings home what it left
	afterLoss  = time.Second
)

// excused returns the calls as the promises judge them, and those that it excuses. A write of a fast session is acknowledged before home has it,
// and may be lost with the master of the first copy. So where a master forgot something, an answer to such a write that later answers contradict
// is taken as none: it may have taken effect, or not. It is not where somebody else was told what it made, or another write was
// acknowledged on top of it: home had it then, and what home had must stay.
func excused(ops []Op, losses []span) (judged, excused []Op) {
	judged = slices.Clone(ops)
	fast := map[string]bool{}
	for _, o := range ops {
		if o.Kind == Create && o.Fast {
			fast[o.Session] = true
		}
	}
	if len(losses) == 0 || len(fast) == 0 {
		return judged, nil
	}
	of, told := bySession(ops), newEcho(ops)
	for i, o := range judged {
		lossy := func(s span) bool { return s.meets(o) }
		if !fast[o.Session] || !slices.ContainsFunc(losses, lossy) || !o.tellsItsOwn() || !told.onlyBy(o) || !o.gone(of[o.Session]) {
			continue
		}
		excused = append(excused, o)
		o.Outcome, o.Seen, o.Context, o.Page = Unknown, nil, nil, nil
		judged[i] = o
	}
	return judged, excused
}

// tellsItsOwn reports whether the call is a write whose answer tells the very state, or the message, that it made.
func (o Op) tellsItsOwn() bool {
	return o.Outcome == OK && (o.Kind == Publish || o.Kind == PutContext || o.Kind == Patch && o.Seen.Value == o.Value)
}

// gone reports whether a later answer contradicts a write's own, before another write was acknowledged on top of it.
func (o Op) gone(ops []Op) bool {
	by := time.Duration(math.MaxInt64)
	for _, other := range ops {
		if other.Call > o.Return && other.onTopOf(o) {
			by = min(by, other.Return)
		}
	}
	return slices.ContainsFunc(ops, func(other Op) bool { return other.Call < by && other.contradicts(o, ops) })
}

// stamps are the states of a session that an answer tells by their stamps, of whatever lies there.
func (o Op) stamps() (all []State) {
	for _, s := range []*State{o.Seen, o.Context} {
		if s != nil && s.Stamped() {
			all = append(all, *s)
		}
	}
	return all
}

// own is the stamp that a write of the session or its context left.
func (o Op) own() State {
	if o.Kind == PutContext {
		return *o.Context
	}
	return *o.Seen
}

// epoch is the one that a write was told that it was made in.
func (o Op) epoch() uint64 {
	if o.Kind == Publish {
		return o.Page[0].Epoch
	}
	return o.own().Epoch
}

// onTopOf reports whether the call is a write that was acknowledged as the next after another.
func (o Op) onTopOf(w Op) bool {
	switch {
	case !o.tellsItsOwn():
		return false
	case w.Kind == Publish:
		return o.Kind == Publish && o.Page[0].position() == w.Page[0].position()+1
	}
	return o.Kind != Publish && o.own().Version == w.own().Version+1
}

// contradicts reports whether an answer tells of a past without w, a write that told its own.
func (o Op) contradicts(w Op, ops []Op) bool {
	if o.Linear() && o.Seen != nil && o.Return < w.Call && o.Seen.Epoch > w.epoch() { // it is of a holder that had been fenced
		return true
	}
	later := o.Call > w.Return
	if w.Kind == Publish {
		return o.lacks(w.Page[0], later)
	}
	own := w.own()
	before := func(s *State) bool { return s != nil && s.Stamped() && s.Version < own.Version }
	for _, s := range o.stamps() {
		if s.Epoch == own.Epoch && s.Version == own.Version && s.Change != own.Change {
			return true
		}
	}
	if later && o.Linear() && before(o.Seen) {
		return true
	}
	if w.Kind == PutContext {
		is := o.Context
		other := is != nil && is.Version == own.Version && is.Change != own.Change
		return other || later && (o.Code == codeNone || o.Kind == PutContext && o.Status == statusCreated || before(is))
	}
	if o.Seen == nil || !o.Seen.Whole || o.Seen.Value == w.Value {
		return false
	}
	return o.Seen.Version == own.Version || later && o.Linear() && firstTold(ops, o.Seen.Value) < own.Version
}

// lacks reports whether an answer tells something else in the place of a message, or its text in another, or ends without it.
func (o Op) lacks(m Message, later bool) bool {
	for _, other := range o.Page {
		if other != m && (other.position() == m.position() || other.Value == m.Value) {
			return true
		}
	}
	return later && o.Kind == Messages && o.Outcome == OK && len(o.Page) < o.Limit && positionOf(o.After)+uint64(len(o.Page)) < m.position()
}

// firstTold is the lowest version at which a value was told.
func firstTold(ops []Op, value string) uint64 {
	first := uint64(math.MaxUint64)
	for _, o := range ops {
		if o.Seen != nil && o.Seen.Whole && o.Seen.Value == value {
			first = min(first, o.Seen.Version)
		}
	}
	return first
}

// made is a state or a message, as answers name it; two calls make no two that are equal.
type made struct{ session, what, name string }

// echo counts the calls that tell of what a write made.
type echo map[made]int

func newEcho(ops []Op) echo {
	e := echo{}
	for _, o := range ops {
		for _, m := range o.tells() {
			e[m]++
		}
	}
	for _, o := range ops { // who wrote on the condition that it stands has been told of it as well
		if o.IfMatch != "" && (o.Outcome == OK || e[o.result()] > 0) {
			e[made{o.Session, o.register(), o.IfMatch}]++
		}
	}
	return e
}

// onlyBy reports whether nobody but its writer was told of what a write made.
func (e echo) onlyBy(o Op) bool {
	return !slices.ContainsFunc(o.tells(), func(m made) bool { return e[m] > 1 })
}

// register is what of a session the call reads or writes, its context or itself.
func (o Op) register() string {
	if o.Kind == PutContext || o.Kind == GetContext {
		return ofContext
	}
	return ofSession
}

// result is the value that the call writes.
func (o Op) result() made { return made{o.Session, o.register() + " value", o.Value} }

// tells lists what an answer tells of that a write made.
func (o Op) tells() (all []made) {
	is := o.Seen
	if o.register() == ofContext {
		is = o.Context
	}
	if is != nil && is.Stamped() {
		all = append(all, made{o.Session, o.register(), is.Tag()})
	}
	if is != nil && is.Whole {
		all = append(all, made{o.Session, o.register() + " value", is.Value})
	}
	for _, m := range o.Page {
		all = append(all, made{o.Session, "message", m.ID + " " + m.Value})
	}
	return all
}
