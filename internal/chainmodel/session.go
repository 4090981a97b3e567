package chainmodel

// session is one session's records and what clients did to it and were told.
type session struct {
	world *World
	cells []cell
	ops   []*op
	reads []read
	cache [nodes]Record
	told  [nodes]int // the newest epoch each node was told it owns
	made  map[Stamp]Record
	ended bool // its tombstones were collected
}

func newSession(w *World) *session {
	s := &session{world: w, cells: make([]cell, w.rules.Candidates+1), made: map[Stamp]Record{}}
	for i := range s.cells {
		s.cells[i] = newCell()
	}
	return s
}

// home is the record on home as it is now.
func (s *session) home() Record { return s.cells[s.world.rules.home()].rec }

// put makes next current at p and checks what must hold at every moment.
func (s *session) put(p Place, next state) {
	w := s.world
	w.tracef("place %d: %v -> %v", p, s.cells[p].rec, next.rec)
	s.cells[p].store(next, w.now)
	if r := next.rec; !r.Absent() {
		if was, ok := s.made[r.Stamp]; ok && was != r {
			w.report(StampReused)
		}
		s.made[r.Stamp] = r
	}
	if p != w.rules.home() {
		return
	}
	for _, o := range s.ops {
		if o.atHome == 0 && holds(next.rec.Log, o.id) {
			o.atHome = max(1, w.now)
		}
	}
	if next.derived != derivedOf(next.rec) {
		w.report(IndexWrong)
	}
}

// seed puts a complete session on home and its first chain.
func (s *session) seed() {
	o := s.newOp(Create, 0)
	o.start, o.end, o.acked = 0, 1, true
	r := s.child(Record{}, o, 0, int(o.id))
	s.world.now = 1
	for _, p := range append([]byte(r.Chain), byte(s.world.rules.home())) {
		s.cas(Place(p), change{kind: Create, next: r})
	}
	s.world.now = 2
	s.told[0] = 1
	for n := range s.cache {
		s.cache[n] = r
	}
}

// remember caches a record that was acknowledged or resolved.
func (s *session) remember(node int, r Record) {
	if r.Rank() > s.cache[node].Rank() {
		s.cache[node] = r
	}
}

// settled reports whether home and its chain agree and no record elsewhere could win over them or hide them.
func (s *session) settled() bool {
	w, home := s.world, s.home()
	for i := range s.cells {
		p, r := Place(i), s.cells[i].rec
		if home.Absent() || home.Chain.Has(p) || p == w.rules.home() {
			if !w.same(r, home) {
				return false
			}
		} else if !r.Absent() && (r.Chain != home.Chain || w.above(r, home)) {
			return false
		}
	}
	return true
}
