package chainmodel

import (
	"math"
	"slices"
	"strings"
)

// verdicts compares what clients were told with the history that stands in the end. The records carry the truth: the
// log of every operation applied.
type verdicts struct {
	*session
	log, epochs string
}

func (s *session) judge(final Record) {
	v := verdicts{s, final.Log, final.Epochs}
	v.history()
	if s.ended && !final.live() {
		v.resurrections() // the history is gone with the tombstone
		return
	}
	for _, o := range s.ops {
		v.answers(o)
		v.realTime(o)
		v.takeover(o)
	}
	for i := range s.reads {
		v.read(i)
	}
}

func (v verdicts) position(o *op) int { return strings.IndexByte(v.log, o.id) }

// history checks the final log by itself.
func (v verdicts) history() {
	epoch := 1
	for i := range len(v.log) {
		o := v.ops[v.log[i]-1]
		if strings.Count(v.log, string([]byte{o.id})) > 1 {
			v.world.report(AppliedTwice)
		}
		under := int(v.epochs[i])
		switch o.kind {
		case Takeover:
			v.must(under > epoch, EpochNotGrowing)
			epoch = under
		case HolderWrite:
			v.must(epoch == o.epoch && under == o.epoch, StaleHolder)
		case Create:
			v.must(i == 0, CreateNotFirst)
		case Delete:
			v.must(i == len(v.log)-1, ChangeAfterDelete)
		}
	}
}

func (v verdicts) must(ok bool, otherwise Violation) {
	if !ok {
		v.world.report(otherwise)
	}
}

// answers compares an operation's answer with its fate.
func (v verdicts) answers(o *op) {
	is := v.position(o) >= 0
	if v.excused(o, o.homeHad()) {
		v.must(is || o.atHome == 0, AckedLost)
		return
	}
	v.must(!o.acked || is, AckedLost)
	v.must(!o.acked || is || o.kind != Delete, DeletedVisible)
	v.must(!o.refused || o.acked || !is, RefusedYetApplied)
	v.must(!o.refused || !o.acked, AckedAndRefused)
}

// excused reports whether the operation was acknowledged on the word of its first copy alone, and that was rolled back at a time when this may
// cost the operation: after it was begun and before a tick; or before it was begun, when an older change was on its way.
func (v verdicts) excused(o *op, before int) bool {
	if !o.early {
		return false
	}
	for i, at := range v.world.losses {
		if v.world.rolledBack[i] == o.first && at < before && (at >= o.start || v.overtaken(o, at)) {
			return true
		}
	}
	return false
}

// overtaken reports whether home got, after the operation was begun, a change that had been begun when the first copy was rolled back, and
// that the copy has forgotten.
func (v verdicts) overtaken(o *op, lost int) bool {
	return slices.ContainsFunc(v.ops, func(older *op) bool {
		return older.start >= 0 && older.start <= lost && older.atHome > o.start
	})
}

// homeHad is since when home has had the operation; the end of time where it never did.
func (o *op) homeHad() int {
	if o.atHome == 0 {
		return math.MaxInt
	}
	return o.atHome
}

// firm is from when on nobody may miss an acknowledged operation who ends before a tick.
func (v verdicts) firm(o *op, before int) int {
	if v.excused(o, before) {
		return max(o.end, o.homeHad())
	}
	return o.end
}

// realTime: what was acknowledged before another began comes before it.
func (v verdicts) realTime(o *op) {
	p := v.position(o)
	if !o.acked || p < 0 {
		return
	}
	for _, later := range v.ops {
		if q := v.position(later); later.start > v.firm(o, o.homeHad()) && q >= 0 && q < p {
			v.world.report(OutOfOrder)
		}
	}
}

// takeover: no epoch is told to two takers, and later takers are told higher ones.
func (v verdicts) takeover(o *op) {
	if o.kind != Takeover || !o.acked {
		return
	}
	for _, q := range v.ops {
		if q == o || q.kind != Takeover || !q.acked {
			continue
		}
		v.must(q.toldEpoch != o.toldEpoch, DuplicateEpoch)
		v.must(o.end >= q.start || q.toldEpoch > o.toldEpoch, EpochGoesBack)
	}
}

func (v verdicts) read(i int) {
	r := v.reads[i]
	if !strings.HasPrefix(v.log, r.log) || !strings.HasPrefix(v.epochs, r.epochs) {
		if r.eventual {
			v.world.report(DirtyEventualRead)
		} else {
			v.world.report(DirtyRead)
		}
		return
	}
	for _, o := range v.ops {
		v.readAgainst(r, o)
	}
	for j, q := range v.reads {
		v.must(i == j || r.eventual || q.eventual || q.end >= r.start || len(q.log) <= len(r.log), ReadGoesBack)
	}
}

func (v verdicts) readAgainst(r read, o *op) {
	p := v.position(o)
	seen := p >= 0 && p < len(r.log)
	v.must(!seen || o.start <= r.end, ReadOfTheFuture)
	if !r.eventual && o.acked && v.firm(o, r.end) < r.start && p >= 0 && !seen {
		v.world.report(StaleRead)
		v.must(o.kind != Delete, DeletedVisible)
	}
}

// resurrections: after an acknowledged delete nobody reads the session alive.
func (v verdicts) resurrections() {
	deleted := math.MaxInt
	for _, o := range v.ops {
		if o.acked && o.kind == Delete {
			deleted = min(deleted, o.end)
		}
	}
	for _, r := range v.reads {
		if r.start > deleted && !r.eventual && r.log != "" {
			v.must(v.ops[r.log[len(r.log)-1]-1].kind == Delete, DeletedVisible)
		}
	}
}
