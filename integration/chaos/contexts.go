package chaos

import (
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// contextStory is what all answers about one session's context say together: a register that is written on a condition or on none. Each write
// leaves a stamp of its own, whose version is higher than those before, and no two write the same value.
type contextStory struct {
	id     string
	ops    []Op
	values map[string]string        // by tag
	stamps map[string]State         // by value
	seenAt map[string]time.Duration // by tag: when somebody had first been told
	blank  []State                  // stamps that were told without their value
	last   uint64
}

// tellContext reads the calls on one session's context and reports what cannot be, whatever their order.
func tellContext(id string, ops []Op) (*contextStory, findings) {
	s := &contextStory{id: id, values: map[string]string{}, stamps: map[string]State{}, seenAt: map[string]time.Duration{}}
	var found findings
	asked := map[string]Op{}
	for _, o := range ops {
		if o.Kind == PutContext {
			asked[o.Value] = o
		}
		if o.Kind == PutContext || o.Kind == GetContext {
			s.ops = append(s.ops, o)
		}
	}
	for _, o := range s.ops {
		if o.Context != nil && o.Context.Stamped() {
			s.note(o, *o.Context, asked, &found)
		}
	}
	told := map[string]bool{}
	for _, o := range s.ops {
		if o.Context == nil || !o.Context.Stamped() || told[o.Context.Tag()] {
			continue
		}
		told[o.Context.Tag()] = true
		if _, known := s.values[o.Context.Tag()]; !known {
			s.blank = append(s.blank, *o.Context)
		}
	}
	return s, found
}

// note takes in one answer.
func (s *contextStory) note(o Op, seen State, asked map[string]Op, found *findings) {
	tag := seen.Tag()
	s.last = max(s.last, seen.Version)
	if by, told := s.seenAt[tag]; !told || o.Return < by {
		s.seenAt[tag] = o.Return
	}
	if !seen.Whole {
		return
	}
	was, told := s.stamps[seen.Value]
	w, ok := asked[seen.Value]
	switch {
	case !ok:
		found.add(Linearizable, s.id, "the context is %q, which nobody wrote", seen.Value)
	case w.Outcome == No && w.Code == codeStale:
		found.add(Fenced, s.id, "the context is %q, which was refused to a holder of the past", seen.Value)
	case w.Outcome == No:
		found.add(AtMostOnce, s.id, "the context is %q, whose write was refused", seen.Value)
	case w.Epoch > 0 && w.Epoch != seen.Epoch:
		found.add(Fenced, s.id, "context %q is of epoch %d and was written by a holder of epoch %d", seen.Value, seen.Epoch, w.Epoch)
	case told && was.Tag() != tag:
		found.add(AtMostOnce, s.id, "context %q was written once and is %s and %s", seen.Value, was.Tag(), tag)
	}
	if had, known := s.values[tag]; known && had != seen.Value {
		found.add(NothingLost, s.id, "context %s was %q and is %q", tag, had, seen.Value)
	}
	s.values[tag], s.stamps[seen.Value] = seen.Value, seen
}

// contextState is a context in the model; the zero value is none.
type contextState struct {
	State
}

// next is a write that left seen.
func (m contextState) next(o Op, seen State) (contextState, bool) {
	ok := seen.Version > m.Version && seen.Epoch >= m.Epoch
	ok = ok && (o.IfMatch == "" || o.IfMatch == m.Tag()) && (o.Epoch == 0 || o.Epoch == seen.Epoch)
	return contextState{State{Epoch: seen.Epoch, Version: seen.Version, Change: seen.Change, Value: o.Value}}, ok
}

// is reports whether an answer tells of this state. A refusal does not tell the value.
func (m contextState) is(seen State) bool {
	return m.Epoch == seen.Epoch && m.Version == seen.Version && m.Change == seen.Change && (!seen.Whole || m.Value == seen.Value)
}

// statusCreated is the answer to a write that found no context.
const statusCreated = 201

func (s *contextStory) step(m contextState, o Op) (contextState, bool) {
	switch {
	case o.Kind == PutContext && o.Outcome == OK:
		next, ok := m.next(o, *o.Context)
		created := o.Status == statusCreated
		return next, ok && (created == !m.Stamped() || !created && s.hidden(o))
	case o.Kind == PutContext && o.Outcome == Unknown:
		return s.unseen(m, o)
	case o.Kind == PutContext:
		return m, m.is(*o.Context) && o.IfMatch != "" && o.IfMatch != m.Tag()
	case o.Code == codeNone:
		return m, !m.Stamped()
	}
	return m, m.is(*o.Context)
}

// hidden reports whether a write that nobody saw may have made the context that another one found.
func (s *contextStory) hidden(found Op) bool {
	return slices.ContainsFunc(s.ops, func(o Op) bool {
		_, seen := s.stamps[o.Value]
		return o.Kind == PutContext && o.Outcome == Unknown && !seen && o.Call < found.Return
	})
}

// unseen is a write that was not answered. Where others saw its value, they saw its stamp, too. Where they did not, it made a stamp that was
// told without its value, or, when there are no more of those, may as well not have been.
func (s *contextStory) unseen(m contextState, o Op) (contextState, bool) {
	if stamp, seen := s.stamps[o.Value]; seen {
		return m.next(o, stamp)
	}
	var first State
	for _, b := range s.blank {
		if b.Version > m.Version && (first.Version == 0 || b.Version < first.Version) {
			first = b
		}
	}
	if next, ok := m.next(o, first); ok && first.Stamped() {
		return next, true
	}
	return m, m.Version >= s.last
}

func (s *contextStory) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return contextState{} },
		Step: func(state, input, _ any) (bool, any) {
			next, ok := s.step(state.(contextState), input.(Op))
			return ok, next
		},
		DescribeOperation: func(input, _ any) string { return input.(Op).String() },
		DescribeState: func(state any) string {
			m := state.(contextState)
			return fmt.Sprintf("context %s %q", m.Tag(), m.Value)
		},
	}
}

// acts leaves out what says nothing of the context: that the session is gone, or of another holder, is in its own history.
func (s *contextStory) acts() []porcupine.Operation {
	var all []porcupine.Operation
	for _, o := range s.ops {
		until := o.Return
		stamp, seen := s.stamps[o.Value]
		switch {
		case o.Outcome == Unknown && (o.Kind == GetContext || !seen && len(s.blank) == 0):
			continue
		case o.Outcome == Unknown && seen:
			until = max(o.Call, s.seenAt[stamp.Tag()])
		case o.Outcome == Unknown:
			until = never
		case o.Context == nil && o.Code != codeNone:
			continue
		}
		all = append(all, porcupine.Operation{ClientId: o.Client, Input: o, Call: int64(o.Call), Return: int64(until)})
	}
	return all
}

func (s *contextStory) search() search {
	return search{session: s.id, of: ofContext, calls: len(s.ops), model: s.model(), acts: s.acts(), patience: searchLimit}
}
