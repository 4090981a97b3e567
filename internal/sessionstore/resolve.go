package sessionstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// repairWindow is how long after the look that started it a repair may still restore an absent record. It must stay far below
// the retention of tombstones.
const repairWindow = time.Minute

// resolve reads a session's records, makes them equal and returns what they hold; the zero Record stands for none. It is the
// linearizable read, the sync round's repair and the answer to every refusal. guess names copy tags worth reading at once.
func (s *Store) resolve(ctx context.Context, p place, guess []int) (Record, error) {
	f, _, err := s.settleChain(ctx, p, guess)
	if err != nil || f.absent() {
		return Record{}, err
	}
	return p.decode(f)
}

// refusedPause is how long, give or take, a resolve waits after a refusal: whoever came between is likely not done.
const refusedPause = 2 * time.Millisecond

func isRefusal(err error) bool { return errors.Is(err, errRefused) }

// settleChain is resolve for records of any kind; repaired lists the tags that it wrote.
func (s *Store) settleChain(ctx context.Context, p place, guess []int) (f found, repaired []int, err error) {
	for {
		f, repaired, err = s.settleOnce(ctx, p, guess)
		if !errors.Is(err, errRefused) {
			return f, repaired, err
		}
		pause := time.NewTimer(rand.N(2 * refusedPause))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return found{}, nil, redisx.Wrap(ctx.Err())
		}
	}
}

func (s *Store) settleOnce(ctx context.Context, p place, guess []int) (found, []int, error) {
	start, l := s.redis.Now(), look{}
	if err := s.read(ctx, p, l, append([]int{home}, guess...)...); err != nil {
		return found{}, nil, err
	}
	tags, err := s.reach(ctx, p, l)
	if err != nil {
		return found{}, nil, err
	}
	w, ok := winner(l, tags)
	if !ok {
		return found{}, nil, nil
	}
	writes, attach, err := s.carry(ctx, p, l, tags, w, repairs(l, tags, w.head))
	if err != nil {
		return found{}, nil, err
	}
	if len(writes) == 0 {
		return w, nil, nil
	}
	return w, tagsOf(writes), s.repair(ctx, p, l[home], w, writes, attach, start.Add(repairWindow))
}

// winner picks the record that stands: the highest rank; on equal rank home, then the one whose place the other was moved from,
// then the one later in the chain. False means that no reached place holds a record.
func winner(l look, tags []int) (found, bool) {
	best, ok := found{}, false
	for _, tag := range tags {
		f := l[tag]
		if f.absent() {
			continue
		}
		if !ok || beats(f, best) {
			best, ok = f, true
		}
	}
	return best, ok
}

func beats(f, best found) bool {
	a, b := f.head, best.head
	switch {
	case a.Stamp == b.Stamp:
		return false
	case a.Stamp.Rank() != b.Stamp.Rank():
		return a.Stamp.Rank() > b.Stamp.Rank()
	case f.tag == home || best.tag == home:
		return f.tag == home
	case slices.Contains(b.From, f.tag) != slices.Contains(a.From, best.tag):
		return slices.Contains(b.From, f.tag)
	default:
		return slices.Index(a.Chain, f.tag) > slices.Index(a.Chain, best.tag)
	}
}

// repairs returns the writes that bring the reached records in line with the winner: its chain; the chain it was moved from, if home
// does not hold it yet, so that nobody who believes in the old chain can commit beside it; every other record that was reached, but for
// what a move has left behind on the winner's own way; home last.
func repairs(l look, tags []int, w head) []write {
	order := slices.Clone(w.Chain)
	add := func(tag int) {
		if tag != home && !slices.Contains(order, tag) {
			order = append(order, tag)
		}
	}
	if l[home].head.Stamp != w.Stamp {
		for _, tag := range w.From {
			add(tag)
		}
	}
	for _, tag := range tags {
		h := l[tag].head
		pointer := slices.Equal(h.Chain, w.Chain) && h.Stamp.Rank() < w.Stamp.Rank()
		if !l[tag].absent() && !pointer {
			add(tag)
		}
	}
	var writes []write
	for _, tag := range append(order, home) {
		if l[tag].head.Stamp != w.Stamp {
			writes = append(writes, write{tag, l[tag].head.Stamp})
		}
	}
	return writes
}

func tagsOf(writes []write) []int {
	tags := make([]int, len(writes))
	for i, w := range writes {
		tags[i] = w.tag
	}
	return tags
}

// whyRepair is what the event of a repair says; nothing is told where home lacked no more than a change of what lies beside it.
func whyRepair(p place, atHome, w found) session.Reason {
	if p.digest != "" || atHome.absent() {
		return session.WhyRepair
	}
	was, err := p.decode(atHome)
	if err != nil {
		return session.WhyRepair
	}
	is, err := p.decode(w)
	if err != nil || !is.exists() || is.ETag() != was.ETag() || is.Stamp.Epoch != was.Stamp.Epoch || !slices.Equal(is.Chain, was.Chain) {
		return session.WhyRepair
	}
	return untold
}

// repair writes w over the records that differ from it. It goes through although Redis is full: what it writes was accepted.
func (s *Store) repair(ctx context.Context, p place, atHome, w found, writes []write, attach map[int]*attachment, notAfter time.Time) error {
	st := newStep(p, whyRepair(p, atHome, w), session.NodeID(atHome.fields[fieldOwner]), w.image(), writes)
	st.must, st.attach = true, attach
	if slices.ContainsFunc(writes, func(w write) bool { return w.expect.IsZero() }) {
		st.notAfter = notAfter
	}
	s.apply(ctx, st)
	if err := st.outcome(); err != nil {
		return err
	}
	s.log.Debug("repaired records", "session", p.session, "stamp", w.head.Stamp.String(), "tags", tagsOf(writes))
	return nil
}
