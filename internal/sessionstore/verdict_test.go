package sessionstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"orchestrator/internal/session"
)

// end stops the faults, settles the session, and compares what clients were told with the history that stands.
func (st *story) end() {
	ctx := context.WithoutCancel(st.ctx)
	s := st.stores[0]
	final, err := s.resolve(ctx, s.placeOf(st.id), nil)
	if err != nil {
		st.broke("the last resolve failed: " + err.Error())
		return
	}
	v := verdict{story: st}
	v.log, v.eps = history(final.Session)
	st.log("the end: %q %q", v.log, v.eps)
	v.order()
	for _, o := range st.ops {
		v.answers(o)
		v.realTime(o)
		v.epochs(o)
	}
	for _, r := range st.reads {
		v.read(r)
	}
	if final.exists() {
		v.besides(ctx)
	}
	st.settled(ctx, final)
}

// settled checks that the sync round brings all in order, that a change still goes through, and that the records agree.
func (st *story) settled(ctx context.Context, final Record) {
	s, p := st.stores[1], st.keys.Partition(st.id)
	if final.exists() {
		for _, kind := range []opKind{writing, takeover, publishing, saving, writing} {
			o := st.newOp(kind)
			if _, err := s.change(ctx, st.id, o.id, session.WhyPatch, time.Time{}, o.decide); err != nil {
				st.broke(fmt.Sprintf("a %s in the end fails: %v", kind, err))
			}
		}
	}
	for range 2 {
		if _, err := s.Audit(ctx, p, nil, func(session.Session) {}); err != nil {
			st.broke("an audit in the end fails: " + err.Error())
		}
	}
	report, err := s.Audit(ctx, p, nil, func(session.Session) {})
	if report.Records = 0; err != nil || report != (session.SyncReport{}) {
		st.broke(fmt.Sprintf("the third audit in the end finds %+v %v", report, err))
	}
	st.dirty = map[int]bool{home: true}
	st.look()
}

// besides compares what lies beside the records with the history that stands.
func (v verdict) besides(ctx context.Context) {
	var want, got strings.Builder
	saved := ""
	for _, letter := range v.log {
		switch v.ops[letter-'A'].kind {
		case publishing:
			want.WriteString(string(letter) + string(letter))
		case saving:
			saved = string(letter)
		case erasing:
			saved = ""
		}
	}
	page, err := v.stores[2].Messages(ctx, v.id, session.MessageQuery{Oldest: true, Limit: session.MaxPage}, session.Linearizable)
	for _, m := range page.Messages {
		got.WriteString(m.Kind)
	}
	if err != nil || got.String() != want.String() {
		v.broke(fmt.Sprintf("messages are %q %v, the history has %q", got.String(), err, want.String()))
	}
	c, err := v.stores[2].Context(ctx, v.id, session.Linearizable)
	if errors.Is(err, session.ErrContextNotFound) {
		err = nil
	}
	if err != nil || string(c.Data) != saved {
		v.broke(fmt.Sprintf("the context is %q %v, the history has %q", c.Data, err, saved))
	}
}

// verdict is the history that stands in the end.
type verdict struct {
	*story
	log, eps string
}

func (v verdict) position(o *op) int { return strings.IndexRune(v.log, o.letter) }

func (v verdict) must(ok bool, otherwise string, o *op) {
	if !ok {
		v.broke(fmt.Sprintf("%s: %s %c", otherwise, o.kind, o.letter))
	}
}

// order checks the history by itself.
func (v verdict) order() {
	epoch := uint64(1)
	for i, letter := range v.log {
		o, under := v.ops[letter-'A'], uint64(v.eps[i]-'0')
		v.must(strings.Count(v.log, string(letter)) == 1, "applied twice", o)
		switch o.kind {
		case takeover:
			v.must(under == epoch+1, "epoch does not grow by one", o)
		case holderWrite:
			v.must(epoch == o.epoch && under == o.epoch, "stale holder committed", o)
		case creation:
			v.must(i == 0, "create not first", o)
		case deletion:
			v.must(i == len(v.log)-1, "change after delete", o)
		}
		epoch = under
	}
}

// answers compares an operation's answers with its fate.
func (v verdict) answers(o *op) {
	if o.kind == moving {
		return
	}
	is := v.position(o) >= 0
	if v.excused(o, o.homeHad()) {
		v.must(is || o.atHome == 0, "committed and lost", o)
		return
	}
	v.must(!o.acked || is, "acknowledged and lost", o)
	v.must(o.refused == nil || o.acked || !is, "refused yet applied", o)
	v.must(o.refused == nil || !o.acked, "acknowledged and refused", o)
}

// excused reports whether the operation was acknowledged on the word of its first copy alone, and that was set back at a time when this may cost
// the operation: after it was begun and before a step; or before it was begun, when an older change was on its way.
func (v verdict) excused(o *op, before int) bool {
	return o.early && !v.strict && slices.ContainsFunc(v.lost, func(l loss) bool {
		return l.tag == o.copy && l.at < before && (l.at >= o.start || v.overtaken(o, l))
	})
}

// overtaken reports whether home got, after the operation was begun, a change that was lost before at its first copy.
func (v verdict) overtaken(o *op, l loss) bool {
	for stamp, at := range v.since[l.tag] {
		if at < l.at && v.since[home][stamp] > o.start {
			return true
		}
	}
	return false
}

// homeHad is since when home has had the operation; the end of time where it never did.
func (o *op) homeHad() int {
	if o.atHome == 0 {
		return math.MaxInt
	}
	return o.atHome
}

// firm is from when on nobody may miss an acknowledged operation who ends before a step.
func (v verdict) firm(o *op, before int) int {
	if v.excused(o, before) {
		return max(o.end, o.homeHad())
	}
	return o.end
}

// realTime: what was acknowledged before another began comes before it.
func (v verdict) realTime(o *op) {
	p := v.position(o)
	if !o.acked || p < 0 {
		return
	}
	for _, later := range v.ops {
		q := v.position(later)
		v.must(later.start <= v.firm(o, o.homeHad()) || q < 0 || q > p, "applied against real time", later)
	}
}

// epochs: no epoch is told to two takers, and later takers are told higher ones.
func (v verdict) epochs(o *op) {
	for _, q := range v.ops {
		if q == o || q.toldEpoch == 0 || o.toldEpoch == 0 {
			continue
		}
		v.must(q.toldEpoch != o.toldEpoch, "two owners of one epoch", o)
		v.must(o.end >= q.start || q.toldEpoch > o.toldEpoch, "epoch told goes back", q)
	}
}

func (v verdict) read(r reading) {
	kind := map[bool]string{true: "eventual", false: "linearizable"}[r.eventual]
	if !strings.HasPrefix(v.log, r.log) || !strings.HasPrefix(v.eps, r.eps) {
		v.broke(fmt.Sprintf("dirty %s read of %q, the history is %q", kind, r.log, v.log))
		return
	}
	for _, o := range v.ops {
		p := v.position(o)
		seen := p >= 0 && p < len(r.log)
		v.must(!seen || o.start <= r.end, "read of the future", o)
		v.must(r.eventual || !o.acked || v.firm(o, r.end) >= r.start || p < 0 || seen, "stale read", o)
	}
	for _, q := range v.reads {
		if !r.eventual && !q.eventual && q.end < r.start && len(q.log) > len(r.log) {
			v.broke("read goes back")
		}
	}
}
