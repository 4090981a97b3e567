package chainmodel

// finish ends the run: everybody is stopped, the faults cease, each session is resolved once, and one write, one
// takeover and one more write must go through.
func (w *World) finish() {
	w.clear()
	w.net = perfect{}
	for _, s := range w.sessions {
		final := Record{}
		w.alone(func(a *actor) { final = a.resolve(s, reading{}) })
		s.judge(final)
		if final.live() {
			w.probe(s)
		}
	}
}

// probe checks that the session can still be changed.
func (w *World) probe(s *session) {
	for _, k := range []Kind{Write, Takeover, Write} {
		o := s.newOp(k, nodes-1)
		s.begin(o)
		s.cells[w.rules.home()].lease = lease{}
		w.alone(func(a *actor) { a.change(s, o) })
		if !o.acked {
			w.report(Stuck)
		}
	}
}

// alone runs one actor to its end.
func (w *World) alone(f func(a *actor)) {
	const enough = 600
	a := w.spawn("last", nodes-1, f)
	for range enough {
		if a.done {
			return
		}
		w.advance(a)
	}
	if !a.done {
		a.crash()
		w.report(Stuck)
	}
}
