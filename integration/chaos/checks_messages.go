package chaos

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// toldMessage is a message that some answer told of.
type toldMessage struct {
	Message
	first time.Duration // when somebody had first been told
	by    Op
}

// talk is what all answers about one session's messages say together. A session's messages are a list that only grows: all kept, for fewer
// are published than are. No two have the same value, so that a position has one value and a value one position, or something is wrong.
type talk struct {
	id    string
	found *findings
	said  map[string][]Op         // by value: the calls that published it, or tried to
	at    map[uint64]*toldMessage // by position
	of    map[string]string       // by value: its message's id
}

// checkMessages holds what publishers, readers and followers were told of one session's messages against the promises.
func checkMessages(id string, ops []Op, found *findings) {
	t := &talk{id: id, found: found, said: map[string][]Op{}, at: map[uint64]*toldMessage{}, of: map[string]string{}}
	ops = slices.DeleteFunc(slices.Clone(ops), func(o Op) bool { return o.Kind != Publish && o.Kind != Messages && o.Kind != Follow })
	slices.SortStableFunc(ops, func(a, b Op) int { return cmp.Compare(a.Return, b.Return) })
	for _, o := range ops {
		if o.Kind == Publish {
			t.said[o.Value] = append(t.said[o.Value], o)
		}
	}
	for _, o := range ops {
		t.refused(o)
		for _, m := range o.Page {
			t.tell(o, m)
		}
		if o.Kind != Publish && o.Outcome == OK {
			t.unbroken(o)
		}
	}
	for _, o := range ops {
		if o.Kind == Messages && o.Outcome == OK && len(o.Page) < o.Limit {
			t.whole(o)
		}
	}
	t.inOrder()
}

// refused holds that nothing is refused but to who holds the session no more, or because it is gone.
func (t *talk) refused(o Op) {
	switch {
	case o.Outcome != No || o.Absent() || o.Code == codeStale && o.Epoch > 0:
	case o.Kind == Publish:
		t.found.add(Linearizable, t.id, "a publish was refused: %s", o)
	default: // the cursor is gone, though nothing of what it stands for can have been dropped
		t.found.add(NothingLost, t.id, "a read was refused: %s", o)
	}
}

// tell takes in that an answer told a message.
func (t *talk) tell(o Op, m Message) {
	p := m.position()
	was := t.at[p]
	if was == nil {
		was = &toldMessage{m, o.Return, o}
		t.at[p] = was
		t.asked(o, m)
	}
	if was.Message != m {
		t.found.add(NothingLost, t.id, "message %d was %s %q of epoch %d (%s) and is %s %q of epoch %d: %s",
			p, was.ID, was.Value, was.Epoch, was.by, m.ID, m.Value, m.Epoch, o)
	}
	if id, ok := t.of[m.Value]; ok && id != m.ID {
		t.found.add(AtMostOnce, t.id, "%q was published once and is message %s and message %s: %s", m.Value, id, m.ID, o)
	}
	t.of[m.Value] = m.ID
	if o.Kind == Publish && m.Value != o.Value {
		t.found.add(Linearizable, t.id, "a publish was told another message: %s", o)
	}
}

// asked holds that a message was published by somebody to whom that was not refused, and under the epoch that it claimed.
func (t *talk) asked(o Op, m Message) {
	attempts := t.said[m.Value]
	begun, all, last := time.Duration(math.MaxInt64), true, Op{}
	for _, a := range attempts {
		begun, all, last = min(begun, a.Call), all && a.Outcome == No, a
	}
	switch {
	case len(attempts) == 0:
		t.found.add(Linearizable, t.id, "message %s is %q, which nobody published: %s", m.ID, m.Value, o)
	case begun > o.Return:
		t.found.add(Linearizable, t.id, "message %s was told before it was published: %s", m.ID, o)
	case all && last.Code == codeStale:
		t.found.add(Fenced, t.id, "message %s was refused to a holder of the past and is there: %s", m.ID, last)
	case all:
		t.found.add(AtMostOnce, t.id, "message %s was refused and is there: %s", m.ID, last)
	case last.Epoch > 0 && last.Epoch != m.Epoch:
		t.found.add(Fenced, t.id, "message %s is of epoch %d and was published by a holder of epoch %d: %s", m.ID, m.Epoch, last.Epoch, o)
	}
}

// unbroken holds that a page, or an event of a stream, goes on where it was to and leaves nothing out.
func (t *talk) unbroken(o Op) {
	at := positionOf(o.After)
	for _, m := range o.Page {
		if at++; m.position() != at {
			t.found.add(NothingLost, t.id, "message %d is not where it should be: %s", at, o)
			return
		}
	}
}

// whole holds that a page which says that nothing follows was told everything that others had been told before it was asked for.
func (t *talk) whole(o Op) {
	end := positionOf(o.After) + uint64(len(o.Page))
	for p, m := range t.at {
		if p > end && m.first < o.Call {
			t.found.add(NothingLost, t.id, "message %s %q, told after %d ms, is missing: %s", m.ID, m.Value, m.first.Milliseconds(), o)
			return
		}
	}
}

// inOrder holds that what was published after others had been told of a message comes after that, and under no earlier epoch.
func (t *talk) inOrder() {
	all := make([]*toldMessage, 0, len(t.at))
	for _, m := range t.at {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b *toldMessage) int { return cmp.Compare(b.position(), a.position()) })
	var earliest, next *toldMessage
	for _, m := range all {
		if attempts := t.said[m.Value]; earliest != nil && len(attempts) > 0 && attempts[0].Call > earliest.first {
			t.found.add(Linearizable, t.id, "message %s %q comes before %s %q, which had been told when it was published", m.ID, m.Value, earliest.ID, earliest.Value)
		}
		if next != nil && next.Epoch < m.Epoch {
			t.found.add(Fenced, t.id, "message %s is of epoch %d, and %s before it of epoch %d", next.ID, next.Epoch, m.ID, m.Epoch)
		}
		if next = m; earliest == nil || m.first < earliest.first {
			earliest = m
		}
	}
}
