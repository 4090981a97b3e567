package chainmodel

import "testing"

// script is a run whose every step the test decides: for faults too rare for the random search.
type script struct {
	*World
	s *session
}

func newScript(r Rules) script {
	w := newWorld(r)
	w.dice = &choices{}
	w.sessions[0].seed()
	return script{w, w.sessions[0]}
}

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

func (s script) collect() { s.alone(func(a *actor) { a.collect(s.s) }) }

func (s script) at(p Place) Record { return s.s.cells[p].rec }

// moverules has two candidates, so a move has one new place to go to first: the second.
func moveRules(with ...func(*Rules)) Rules {
	return standard("scripted", append([]func(*Rules){collecting, moving, func(r *Rules) { r.Candidates = 2 }}, with...)...)
}

// strayAfterDelete: a move dies after its first write, the session is deleted, and much later the stray is dealt with,
// comes back by a rollback, and the tombstones are collected.
func strayAfterDelete(r Rules) Violation {
	s := newScript(r)
	stray := s.s.child(s.home(), &op{id: 9, kind: Move}, 0, 9)
	s.do(Delete)
	s.s.cells[1].store(state{rec: stray, writtenAt: s.now}, s.now)
	s.wait(r.Retention + 1)
	before := s.now
	s.collect()
	s.lose(1, before)
	s.collect()
	s.sync()
	if s.home().live() {
		return DeletedVisible
	}
	return ""
}

func (s script) home() Record { return s.at(s.rules.home()) }

func TestStrayOfADeletedSessionIsBuriedFirst(t *testing.T) {
	t.Parallel()
	if found := strayAfterDelete(moveRules()); found != "" {
		t.Errorf("with the guard: %s", found)
	}
	if found := strayAfterDelete(moveRules(without(StraysAreBuried))); found != DeletedVisible {
		t.Errorf("without the guard nothing is found")
	}
}

// lateCommit: a move dies before home, a reader commits it a whole retention later, the pointer is looked at, a write
// follows, and home rolls back to before the move.
func lateCommit(r Rules) Violation {
	s := newScript(r)
	before := s.now
	for s.at(0).Chain == s.s.world.rules.firstChain() {
		s.crashInMove(7)
	}
	s.wait(r.Retention + 1)
	s.sync()
	s.collect()
	s.do(Write)
	acknowledged := s.home()
	s.lose(r.home(), before)
	s.sync()
	if s.home().Rank() < acknowledged.Rank() {
		return AckedLost
	}
	return ""
}

func TestPointerOutlivesALateCommit(t *testing.T) {
	t.Parallel()
	if found := lateCommit(moveRules()); found != "" {
		t.Errorf("with the guard: %s", found)
	}
	if found := lateCommit(moveRules(without(PointerAgeFromHome))); found != AckedLost {
		t.Errorf("without the guard nothing is found")
	}
}
