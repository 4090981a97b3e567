package chainmodel

// Search is the outcome of an exhaustive search.
type Search struct {
	Runs     int
	Complete bool // every path was followed
	Bad      int  // runs with a violation
	Found    map[Violation]int
	First    []int // the choices of the first bad run
}

// Exhaust follows every path of a scenario under the rules, at most limit of them, depth first.
func Exhaust(r Rules, s Scenario, limit int) Search {
	out := Search{Found: map[Violation]int{}}
	c := &choices{}
	for out.Runs < limit && !out.Complete {
		w := s.play(s.adapt(r), c)
		out.Runs++
		if len(w.found) > 0 && out.Bad == 0 {
			out.First = append([]int{}, c.taken[:c.at]...)
		}
		if len(w.found) > 0 {
			out.Bad++
		}
		for v := range w.found {
			out.Found[v]++
		}
		out.Complete = !c.next()
	}
	return out
}

// play is one path.
func (s Scenario) play(r Rules, c *choices) *World {
	w := newWorld(r)
	w.dice, w.net = c, &budgeted{c, s.Faults}
	if s.Seeded {
		w.sessions[0].seed()
	}
	for i := range len(s.Cast) {
		w.enter(s.Cast[i], i%nodes)
	}
	w.explore(c, s.Crashes)
	w.dice = &choices{} // the closing part has no choices left to search
	w.finish()
	return w
}

// enter puts one caller on the stage and lets it run up to its first call.
func (w *World) enter(role byte, node int) {
	s := w.sessions[0]
	kinds := map[byte]Kind{'w': Write, 'h': HolderWrite, 't': Takeover, 'c': Create, 'd': Delete, 'm': Move}
	var a *actor
	switch role {
	case 'r', 'e':
		a = w.enterReader(s, node, role == 'e')
	case 'W', 'C':
		a = w.enterOp(s, s.ops[len(s.ops)-1], node)
	default:
		o := s.newOp(kinds[role], node)
		o.epoch = 1
		a = w.enterOp(s, o, node)
	}
	a.next()
}

func (w *World) enterOp(s *session, o *op, node int) *actor {
	return w.spawn(o.kind.String(), node, func(a *actor) {
		a.started = func() { s.begin(o) }
		a.change(s, o)
	})
}

// enterReader notes the read's start at its first step, not when it was put on the stage.
func (w *World) enterReader(s *session, node int, eventual bool) *actor {
	return w.spawn("read", node, func(a *actor) {
		start := 0
		a.started = func() { start = w.now }
		a.get(s, eventual)
		s.reads[len(s.reads)-1].start = start
	})
}

// moment of a place that a rollback may return to.
type rollback struct {
	place Place
	at    int
}

// explore takes one choice after another until everybody has ended: a step, a rollback, or a crash.
func (w *World) explore(c *choices, crashes int) {
	for range 400 {
		actors := w.awake()
		if len(actors) == 0 {
			return
		}
		back := w.rollbacks()
		n := len(actors) + len(back)
		if crashes > 0 {
			n += len(actors)
		}
		switch k := c.Pick(n); {
		case k < len(actors):
			w.advance(actors[k])
		case k < len(actors)+len(back):
			b := back[k-len(actors)]
			w.lose(b.place, b.at)
		default:
			actors[k-len(actors)-len(back)].crash()
			crashes--
		}
	}
}

// rollbacks lists every earlier content of every place, each content once.
func (w *World) rollbacks() []rollback {
	if len(w.losses) >= w.rules.Losses {
		return nil
	}
	var out []rollback
	for p := range w.sessions[0].cells {
		cell := &w.sessions[0].cells[p]
		seen := map[Record]bool{cell.rec: true}
		for _, k := range cell.reachable(w.now, w.rules.Horizon) {
			if r := cell.past[k].rec; !seen[r] {
				seen[r] = true
				out = append(out, rollback{Place(p), cell.past[k].at})
			}
		}
	}
	return out
}
