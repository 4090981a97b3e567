package chainmodel

import "testing"

// script is a run whose every step the test decides: for faults too rare for the random search.
type script struct {
	*World
	s *session
}

func newScript(r Rules) script {
	w := newWorld(r)
	w.dice = second{}
	w.sessions[0].seed()
	return script{w, w.sessions[0]}
}

// second always takes the second choice, which for a move from the first candidate is the other candidate alone.
type second struct{}

func (second) Pick(int) int { return 1 }

// wait lets time pass.
func (s script) wait(ticks int) { s.now += ticks }

// do runs one request alone, from beginning to end.
func (s script) do(k Kind) {
	o := s.s.newOp(k, 0)
	s.s.begin(o)
	s.alone(func(a *actor) { a.change(s.s, o) })
}

// crashInMove begins a move and stops it after so many steps.
func (s script) crashInMove(steps int) {
	o := s.s.newOp(Move, 0)
	s.s.begin(o)
	a := s.spawn("move", 0, func(a *actor) { a.change(s.s, o) })
	for range steps {
		s.advance(a)
	}
	a.crash()
}

func (s script) sync() { s.alone(func(a *actor) { a.resolve(s.s, reading{everywhere: true}) }) }

func (s script) read() { s.alone(func(a *actor) { a.get(s.s, false) }) }

func (s script) collect() { s.alone(func(a *actor) { a.collect(s.s) }) }

func (s script) at(p Place) Record { return s.s.cells[p].rec }

// moveRules has two candidates, so a move has one new place to go to first: the second.
func moveRules(with ...func(*Rules)) Rules {
	return standard("scripted", append([]func(*Rules){collecting, moving, func(r *Rules) { r.Candidates = 2 }}, with...)...)
}

// strayAfterDelete: a move dies after its first write, the session is deleted, and much later the stray is dealt with,
// the tombstones are collected, and the stray comes back by a rollback.
func strayAfterDelete(r Rules) Violation {
	s := newScript(r)
	stray := s.s.child(s.home(), &op{id: 9, kind: Move}, 0, 9)
	s.do(Write)
	s.do(Delete)
	s.s.cells[1].store(state{rec: stray, writtenAt: s.now}, s.now)
	s.wait(r.Retention + 1)
	before := s.now
	s.collect()
	s.collect()
	s.lose(1, before)
	s.sync()
	if s.home().live() {
		return DeletedVisible
	}
	return ""
}

func (s script) home() Record { return s.at(s.rules.home()) }

func TestStrayOfADeletedSessionIsBuriedFirst(t *testing.T) {
	t.Parallel()
	guarded(t, strayAfterDelete, StraysAreBuried, DeletedVisible)
}

// lateCommit: a move dies before home, a reader commits it a whole retention later, the pointer is collected, a write
// follows, and home rolls back to before the move.
func lateCommit(r Rules) Violation {
	s := newScript(r)
	before := s.now
	s.crashInMove(6) // read twice, look at the new place, write it, write the old copy: home is next
	s.wait(r.Retention + 1)
	s.sync()
	s.collect()
	return s.writeThenLoseHome(before)
}

// lateCreate: a create's first call is repeated by the network after the session was moved, and home rolls back to the
// time of the create.
func lateCreate(r Rules) Violation {
	s := newScript(r)
	before, created := s.now, s.home()
	s.do(Move)
	s.collect()
	s.s.cas(0, change{kind: Create, next: created, born: 1})
	return s.writeThenLoseHome(before)
}

// writeThenLoseHome reports whether a write is lost when home returns to what it was at a tick.
func (s script) writeThenLoseHome(at int) Violation {
	s.do(Write)
	acknowledged := s.home()
	s.lose(s.rules.home(), at)
	s.read()
	if s.home().Rank() < acknowledged.Rank() {
		return AckedLost
	}
	return ""
}

func TestNothingWhereHomeLeadsReachesAll(t *testing.T) {
	t.Parallel()
	guarded(t, lateCommit, AbsenceReachesAll, AckedLost)
}

func TestPointerIsKeptWhileRequestsLive(t *testing.T) {
	t.Parallel()
	guarded(t, lateCreate, PointersKept, AckedLost)
}

// guarded holds a script to its promise: nothing goes wrong with the guard, and what it prevents happens without it.
func guarded(t *testing.T, script func(Rules) Violation, g Rule, want Violation) {
	t.Helper()
	if found := script(moveRules()); found != "" {
		t.Errorf("with the guard: %s", found)
	}
	if found := script(moveRules(without(g))); found != want {
		t.Errorf("without the guard: %q, want %q", found, want)
	}
}
