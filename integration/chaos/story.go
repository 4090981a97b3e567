package chaos

import (
	"math"
	"slices"
	"time"
)

// never is the return time of a call that may still take effect.
const never = time.Duration(math.MaxInt64 / 4)

// story is what all answers about one session say together. Every change but a takeover raises the version by one and no two writes
// carry the same value, so that a version has one value and a value one version, or something is wrong. But for two things: where slots
// change their master, the nodes move copies, which is a change of its own that leaves the value alone; and so is any of messages or context.
// The latter shows in the version only when the epoch rises, or another value is written.
type story struct {
	id      string
	ops     []Op              // of the linear history, in order of their return
	glances []Op              // eventual reads and list entries
	values  map[uint64]string // by version
	version map[string]uint64 // by value, the first
	first   map[uint64]uint64 // by version, the lowest epoch at which anybody was told of it
	made    map[string]State  // by change
	changes map[[2]uint64]string
	last    uint64 // the highest version that a linear answer told
	gone    bool   // a linear answer said that there is no such session
	gaps    map[uint64]bool
	written map[string]Op // by value
	stood   map[stay]uint64
	unshown
}

// stay is a value in an epoch: all that is changed beside the session meanwhile leaves the version that clients are told as it is.
type stay struct {
	value string
	epoch uint64
}

// tell reads the calls on one session and reports what cannot be, whatever the order of the calls.
func tell(id string, ops []Op, moved bool) (*story, findings) {
	s := &story{
		id: id, unshown: unshown{copies: moved}, made: map[string]State{}, values: map[uint64]string{}, version: map[string]uint64{},
		first: map[uint64]uint64{}, changes: map[[2]uint64]string{}, gaps: map[uint64]bool{}, written: map[string]Op{}, stood: map[stay]uint64{},
	}
	var found findings
	for _, o := range ops {
		if o.Writes() {
			s.written[o.Value] = o
		}
		s.date(o)
		s.beside = s.beside || o.changesBeside()
		if o.Linear() {
			s.ops = append(s.ops, o)
		} else if o.Outcome == OK && o.Kind != Follow {
			s.glances = append(s.glances, o)
		}
	}
	for _, o := range s.ops {
		s.gone = s.gone || o.Absent() || o.Kind == Delete && o.Outcome == OK
		if o.Seen != nil && !o.buried() {
			s.note(o, *o.Seen, &found)
		}
	}
	for _, o := range s.glances {
		s.glance(o, &found)
	}
	s.account(&found)
	return s, found
}

// date notes the epoch of a version that an answer told, a refusal or an eventual read as well as any other: the version was made in that epoch
// or before.
func (s *story) date(o Op) {
	if o.Seen == nil || !o.Seen.Whole && !o.Seen.Stamped() || o.buried() {
		return
	}
	if first, told := s.first[o.Seen.Version]; !told || o.Seen.Epoch < first {
		s.first[o.Seen.Version] = o.Seen.Epoch
	}
}

// changesBeside reports whether the call changed what lies beside the session, or may have.
func (o Op) changesBeside() bool {
	return (o.Kind == Publish || o.Kind == PutContext) && o.Outcome != No
}

// buried reports whether an acknowledged write was told the tombstone of the session: it was applied, and the session deleted before
// the answer was made.
func (o Op) buried() bool {
	return o.Kind == Patch && o.Outcome == OK && o.Seen != nil && o.Seen.Value == ""
}

// note takes in one linear answer.
func (s *story) note(o Op, seen State, found *findings) {
	if seen.Stamped() {
		s.last = max(s.last, seen.Version)
		at := [2]uint64{seen.Epoch, seen.Version}
		if was, ok := s.changes[at]; ok && was != seen.Change {
			found.add(Linearizable, s.id, "epoch %d version %d was left by change %s and by change %s", at[0], at[1], was, seen.Change)
		}
		s.changes[at] = seen.Change
		if was, ok := s.made[seen.Change]; ok && (was.Epoch != seen.Epoch || was.Version != seen.Version) {
			found.add(AtMostOnce, s.id, "change %s made epoch %d version %d and epoch %d version %d", seen.Change, was.Epoch, was.Version, at[0], at[1])
		}
		s.made[seen.Change] = seen
	}
	if seen.Whole {
		s.place(seen, found)
	}
}

// place holds that a version and its value belong together.
func (s *story) place(seen State, found *findings) {
	w, asked := s.written[seen.Value]
	switch {
	case !asked:
		found.add(Linearizable, s.id, "version %d has %q, which nobody wrote", seen.Version, seen.Value)
	case w.Outcome == No:
		found.add(AtMostOnce, s.id, "version %d has %q, whose write was refused", seen.Version, seen.Value)
	}
	if had, ok := s.values[seen.Version]; ok && had != seen.Value {
		found.add(NothingLost, s.id, "version %d had %q and has %q", seen.Version, had, seen.Value)
	}
	was, ok := s.version[seen.Value]
	if ok && was != seen.Version && !s.any() {
		found.add(AtMostOnce, s.id, "%q was written once and is version %d and version %d", seen.Value, was, seen.Version)
	}
	in := stay{seen.Value, seen.Epoch}
	if stood, told := s.stood[in]; told && stood != seen.Version && s.beside && !s.copies {
		found.add(AtMostOnce, s.id, "%q was written once and is version %d and version %d of epoch %d", seen.Value, stood, seen.Version, seen.Epoch)
	}
	s.stood[in] = seen.Version
	if !ok || seen.Version < was {
		s.version[seen.Value] = seen.Version
	}
	s.values[seen.Version] = seen.Value
}

// glance holds that a read of home alone shows nothing but what the linear history holds, be it older. What only it saw is a write
// whose outcome nobody knew; it must fit in.
func (s *story) glance(o Op, found *findings) {
	seen := *o.Seen
	was, known := s.values[seen.Version]
	at := [2]uint64{seen.Epoch, seen.Version}
	switch {
	case known && was != seen.Value:
		found.add(Linearizable, s.id, "an eventual read showed %q at version %d, which is %q", seen.Value, seen.Version, was)
	case seen.Stamped() && s.changes[at] != "" && s.changes[at] != seen.Change:
		found.add(Linearizable, s.id, "an eventual read showed epoch %d version %d of change %s, which is of change %s", at[0], at[1], seen.Change, s.changes[at])
	case !known && seen.Version > s.last && !s.gone:
		found.add(Linearizable, s.id, "an eventual read showed %q at version %d, and nothing after version %d ever was", seen.Value, seen.Version, s.last)
	case !known:
		s.place(seen, found)
	}
}

// account finds the versions whose value nobody saw: each needs a change of its own. Where copies may have been moved, it tells nothing.
func (s *story) account(found *findings) {
	if s.copies {
		return
	}
	for v := uint64(1); v <= s.last; v++ {
		if _, ok := s.values[v]; !ok {
			s.gaps[v] = true
		}
	}
	acked, open := 0, 0
	for _, o := range s.ops {
		if o.changesBeside() {
			open++
		}
		if _, seen := s.version[o.Value]; o.Kind != Patch || seen {
			continue
		}
		switch o.Outcome {
		case OK:
			acked++
		case Unknown:
			open++
		}
	}
	if acked > len(s.gaps) && !s.gone {
		found.add(NothingLost, s.id, "%d acknowledged writes have no version of their own", acked-len(s.gaps))
	}
	if len(s.gaps) > acked+open {
		found.add(AtMostOnce, s.id, "it is at version %d, and nobody can have written versions %v", s.last, s.missing())
	}
	if s.beside {
		s.onlyTold()
	}
}

// onlyTold leaves those gaps of which somebody was told a stamp. The others may be of what changed beside the session: to look for writes in
// them would take long and find nothing.
func (s *story) onlyTold() {
	clear(s.gaps)
	for at := range s.changes {
		if _, ok := s.values[at[1]]; !ok {
			s.gaps[at[1]] = true
		}
	}
}

// hiddenBefore reports whether somebody was told a stamp of an earlier epoch, and its value nobody: a write that is told this state may have
// made it, and others' changes beside the session, and an epoch, have come after.
func (s *story) hiddenBefore(seen State) bool {
	for at := range s.changes {
		if _, ok := s.values[at[1]]; !ok && at[0] < seen.Epoch && at[1] < seen.Version {
			return true
		}
	}
	return false
}

// gapAbove returns the first gap above a version.
func (s *story) gapAbove(version uint64) (gap uint64, found bool) {
	for v := range s.gaps {
		if v > version && (!found || v < gap) {
			gap, found = v, true
		}
	}
	return gap, found
}

func (s *story) missing() []uint64 {
	var all []uint64
	for v := range s.gaps {
		all = append(all, v)
	}
	slices.Sort(all)
	return all
}

// seenBy returns when somebody had first been told of the version or a later one: what wrote it was done by then.
func (s *story) seenBy(version uint64) time.Duration {
	by := never
	for _, o := range slices.Concat(s.ops, s.glances) {
		if o.Seen != nil && o.Seen.Version >= version && (o.Seen.Whole || o.Seen.Stamped()) && !o.buried() {
			by = min(by, o.Return)
		}
	}
	return by
}
