package chainmodel

// World is one run: sessions whose records lie in shared places, the actors that work on them, and one clock that
// ticks at every step.
type World struct {
	stage
	rules      Rules
	sessions   []*session
	nextOp     int // stamps of create attempts, which are fresh for each
	losses     []int
	rolledBack []Place // by each loss
	agreed     int     // last tick at which all records agreed and no older request was in flight
}

func newWorld(r Rules) *World {
	w := &World{stage: newStage(), rules: r, nextOp: 1000}
	for range max(1, r.Sessions) {
		w.sessions = append(w.sessions, newSession(w))
	}
	return w
}

// spawn adds an actor that will run f on this world. Nothing of f has run when it returns.
func (w *World) spawn(name string, node int, f func(a *actor)) *actor {
	a := w.stage.spawn(name, node, f)
	a.world = w
	return a
}

// same compares two stamps.
func (w *World) same(a, b Record) bool {
	if w.rules.lacks(StampHoldsOp) {
		return a.Epoch == b.Epoch && a.Version == b.Version
	}
	return a.Stamp == b.Stamp
}

// above reports whether a ranks higher than b.
func (w *World) above(a, b Record) bool {
	if w.rules.lacks(RankIsSum) && a.Epoch != b.Epoch {
		return a.Epoch > b.Epoch
	}
	return a.Rank() > b.Rank()
}

// advance lets one actor take one step.
func (w *World) advance(a *actor) {
	w.stage.advance(a)
	if last := w.lastLoss(); last >= 0 && w.agreed <= last && w.settled() && w.inFlightSince(last) {
		w.agreed = w.now
	}
}

// lose rolls one place back to what it held at an earlier tick, for every session at once: they share the server.
func (w *World) lose(p Place, at int) {
	for _, s := range w.sessions {
		s.cells[p].revert(at, w.now, w.rules.Horizon)
		w.tracef("ROLLBACK place %d to %v", p, s.cells[p].rec)
	}
	w.losses, w.rolledBack = append(w.losses, w.now), append(w.rolledBack, p)
}

func (w *World) lastLoss() int {
	if len(w.losses) == 0 {
		return -1
	}
	return w.losses[len(w.losses)-1]
}

// mayLose reports whether the rules allow a rollback now.
func (w *World) mayLose() bool {
	if len(w.losses) < w.rules.Losses {
		return true
	}
	if !w.rules.AgainEqual || len(w.losses) == 0 || len(w.losses) >= 6 || !w.settled() {
		return false
	}
	return !w.rules.AgainQuiet || w.agreed > w.lastLoss() && w.inFlightSince(w.agreed)
}

// settled reports whether every session's records agree.
func (w *World) settled() bool {
	for _, s := range w.sessions {
		if !s.settled() {
			return false
		}
	}
	return true
}

// inFlightSince reports whether every request in flight began after tick t.
func (w *World) inFlightSince(t int) bool {
	for _, a := range w.actors {
		if !a.done && a.began >= 0 && a.began <= t {
			return false
		}
	}
	return true
}
