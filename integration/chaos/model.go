package chaos

import (
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"
)

// verb is what a call did to a session, once its answer is known.
type verb string

const (
	creates  verb = "create"
	reads    verb = "read"
	misses   verb = "absent"  // told that there is no such session
	writes   verb = "write"   // told the state that it made
	wrote    verb = "wrote"   // it took effect, at a version known from others or in a gap
	mayWrite verb = "may"     // it took effect in a gap, or not
	deletes  verb = "delete"  // acknowledged
	mayEnd   verb = "may end" // a delete whose outcome is not known
	refused  verb = "refused" // by a condition that did not hold
	moves    verb = "move"
	lives    verb = "live" // told of what lies beside it
)

// act is one call as the model takes it: all that is known of it, before the search begins.
type act struct {
	verb    verb
	op      Op
	version uint64 // of wrote; 0: in a gap
}

// phases of a session.
const (
	unborn = iota
	live
	dead
)

// modelState is a session in the model. change is empty where the last change was one that nobody was told of.
type modelState struct {
	phase          int
	epoch, version uint64
	change         string
	owner, value   string
}

// The nodes move sessions by themselves, so the model lets the epoch rise whenever an answer says so; and the version, under the same
// value, where copies may be moved. What is changed beside a session raises its version, too, but the session's own next change alone shows
// that: a write, or an epoch. All else is strict: a write makes exactly the next version, the same epoch has the same owner, the same stamp
// the same content.

// unshown says what raises a session's version other than writes of the session.
type unshown struct{ copies, beside bool }

func (u unshown) any() bool { return u.copies || u.beside }

// rises reports whether an answer may tell a higher version of the same value.
func (u unshown) rises(m modelState, seen State) bool {
	return u.copies || u.beside && (seen.Epoch > m.epoch || m.change == "")
}

// reaches returns the state that an answer told, if it can follow from m by the nodes' own doing alone.
func (m modelState) reaches(seen State, by unshown) (modelState, bool) {
	if m.phase != live || seen.Epoch < m.epoch {
		return m, false
	}
	if by.rises(m, seen) && (seen.Stamped() || seen.Whole) && seen.Version > m.version {
		m.version, m.change = seen.Version, ""
	}
	if seen.Epoch > m.epoch {
		m.epoch, m.owner, m.change = seen.Epoch, "", ""
	}
	ok := agree(&m.owner, seen.Owner)
	if seen.Stamped() {
		ok = ok && seen.Version == m.version && agree(&m.change, seen.Change)
	}
	if seen.Whole {
		ok = ok && seen.Version == m.version && seen.Value == m.value
	}
	return m, ok
}

// agree compares two facts of which either may be unknown, and keeps what is known.
func agree(have *string, told string) bool {
	if *have == "" {
		*have = told
	}
	return told == "" || *have == told
}

// after returns the state that a write made of m.
func (m modelState) after(o Op, seen State, by unshown) (modelState, bool) {
	if m.phase != live || seen.Epoch < m.epoch || o.Epoch != 0 && o.Epoch != seen.Epoch {
		return m, false
	}
	if o.IfMatch != "" {
		base := parseTag(o.IfMatch)
		next, ok := m.reaches(base, by)
		if !ok || base.Epoch != seen.Epoch {
			return next, false
		}
		m = next
	}
	if by.any() && seen.Version > m.version { // what raised it left the ETag as it was: this write is the first to show it
		m.version = seen.Version - 1
	}
	if seen.Epoch > m.epoch {
		m.epoch, m.owner = seen.Epoch, ""
	}
	ok := seen.Version == m.version+1 && seen.Value == o.Value && agree(&m.owner, seen.Owner)
	m.version, m.value, m.change = seen.Version, seen.Value, seen.Change
	return m, ok
}

// model is the sequential behaviour of one session.
func (s *story) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return modelState{} },
		Step: func(state, input, _ any) (bool, any) {
			next, ok := s.step(state.(modelState), input.(act))
			return ok, next
		},
		DescribeOperation: func(input, _ any) string { return describeAct(input.(act)) },
		DescribeState: func(state any) string {
			m := state.(modelState)
			return fmt.Sprintf("%s epoch %d version %d %q of %s", [...]string{"unborn", "live", "dead"}[m.phase], m.epoch, m.version, m.value, m.owner)
		},
	}
}

func describeAct(a act) string {
	text := string(a.verb) + " " + a.op.Value
	if a.op.Seen != nil {
		text += fmt.Sprintf(" %d.%d %s", a.op.Seen.Epoch, a.op.Seen.Version, a.op.Seen.Value)
	}
	return text
}

func (s *story) step(m modelState, a act) (modelState, bool) {
	switch o := a.op; a.verb {
	case creates:
		born := modelState{phase: live, epoch: 1, value: o.Value}
		next, ok := born.reaches(*o.Seen, s.unshown)
		return next, ok && m.phase == unborn
	case reads:
		return m.reaches(*o.Seen, s.unshown)
	case lives:
		return m, m.phase == live
	case misses:
		return m, m.phase != live
	case writes:
		return m.after(o, *o.Seen, s.unshown)
	case wrote, mayWrite:
		return s.unseen(m, a)
	case deletes:
		ok := m.phase == live
		m.phase = dead
		return m, ok
	case mayEnd:
		if m.phase == live {
			m.phase = dead
		}
		return m, m.phase == dead
	case refused:
		next, ok := m.reaches(*o.Seen, s.unshown)
		return next, ok && (o.Epoch != 0 && o.Epoch != o.Seen.Epoch || o.IfMatch != "" && o.IfMatch != o.Seen.Tag())
	case moves: // that it moved at all is for checkMoves to say: two at once may be answered by one move
		return m.reaches(*o.Seen, s.unshown)
	}
	return m, false
}

// later reports whether a write's answer tells a later epoch than the one it was made in: by its own condition, or because others were told
// its version at an earlier one.
func (s *story) later(o Op) bool {
	return o.Epoch != 0 && o.Epoch < o.Seen.Epoch || o.IfMatch != "" && parseTag(o.IfMatch).Epoch < o.Seen.Epoch ||
		s.first[s.version[o.Value]] < o.Seen.Epoch || s.beside && s.hiddenBefore(*o.Seen)
}

// meets returns the state in which the condition of an acknowledged write held, if it can follow from m.
func (m modelState) meets(o Op, by unshown) (modelState, bool) {
	if o.Outcome != OK {
		return m, true
	}
	if o.Epoch != 0 {
		return m.reaches(State{Epoch: o.Epoch}, by)
	}
	if o.IfMatch != "" {
		return m.reaches(parseTag(o.IfMatch), by)
	}
	return m, true
}

// unseen is a write that was not told its own state. Where others saw its value, its version is known. Otherwise it can only have
// filled a gap, or, if that is open, have never been.
func (s *story) unseen(m modelState, a act) (modelState, bool) {
	next, held := m.meets(a.op, s.unshown)
	version, fits := s.lands(m, a)
	next.version, next.value, next.change = version, a.op.Value, ""
	switch {
	case m.phase == live && fits && held:
		return next, true
	case a.verb == mayWrite:
		return m, m.phase == dead || m.version >= s.last
	}
	return m, false
}

// lands returns the version that such a write makes of m, and whether there is room for it. Where others' changes do not show, it is one that
// was told without its value; or else that by which the value was known first, when it had lain there for a while.
func (s *story) lands(m modelState, a act) (version uint64, fits bool) {
	next := m.version + 1
	gap, left := s.gapAbove(m.version)
	switch {
	case s.beside && left && (a.verb == mayWrite || gap < a.version):
		return gap, true
	case s.beside && a.verb == mayWrite:
		return next, false
	case s.any():
		return max(next, a.version), a.version == 0 || a.version >= next
	}
	return next, a.version == next || a.version == 0 && (s.gaps[next] || s.gone && next > s.last)
}

// acts turns the linear history into what the model takes.
func (s *story) acts() []porcupine.Operation {
	var all []porcupine.Operation
	for _, o := range s.ops {
		for _, a := range s.read(o) {
			all = append(all, porcupine.Operation{ClientId: o.Client, Input: a, Call: int64(o.Call), Return: int64(s.until(a))})
		}
	}
	return all
}

// until is when an act was over: with its answer, or when others saw what it did, or never.
func (s *story) until(a act) time.Duration {
	switch {
	case a.op.Outcome != Unknown:
		return a.op.Return
	case a.version > 0:
		return max(a.op.Call, s.seenBy(a.version))
	}
	return never
}

// read says what a call's answer means; nothing, where it tells nothing of the session.
func (s *story) read(o Op) []act {
	switch {
	case o.Absent():
		return []act{{verb: misses, op: o}}
	case o.Beside() && o.Outcome == OK || o.Code == codeNone || o.Context != nil && o.Outcome == No:
		return s.readBeside(o)
	case o.Outcome == No && o.Seen != nil && o.Kind != Migrate:
		return []act{{verb: refused, op: o}}
	case o.Outcome == No:
		return nil
	case o.Kind == Patch:
		return s.readPatch(o)
	case o.Kind == Delete && o.Outcome == OK:
		return []act{{verb: deletes, op: o}}
	case o.Kind == Delete && s.gone:
		return []act{{verb: mayEnd, op: o}}
	case o.Outcome != OK:
		return nil
	}
	return []act{{verb: map[Kind]verb{Create: creates, Read: reads, Migrate: moves}[o.Kind], op: o}}
}

// readBeside: an answer about what lies beside the session says that there is one, and a write's in which epoch.
func (s *story) readBeside(o Op) []act {
	acts := []act{{verb: lives, op: o}}
	if o.Epoch > 0 && o.Outcome == OK {
		o.Seen = &State{Epoch: o.Epoch}
	}
	if o.Seen != nil {
		acts[0] = act{verb: reads, op: o}
	}
	return acts
}

// readPatch deals with the ways in which a write may have been answered. One that had been applied before it was asked again, in the
// node, is told the state as it then is: a write, and a read of something later.
func (s *story) readPatch(o Op) []act {
	version, seen := s.version[o.Value]
	switch {
	case o.Outcome == OK && o.Seen.Value == o.Value && !s.later(o):
		return []act{{verb: writes, op: o}}
	case o.Outcome == OK && o.buried():
		return []act{{verb: wrote, op: o, version: version}}
	case o.Outcome == OK:
		return []act{{verb: wrote, op: o, version: version}, {verb: reads, op: o}}
	case seen:
		return []act{{verb: wrote, op: o, version: version}}
	case len(s.gaps) > 0:
		return []act{{verb: mayWrite, op: o}}
	}
	return nil
}
