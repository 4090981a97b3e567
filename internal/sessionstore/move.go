package sessionstore

import (
	"context"
	"slices"

	"orchestrator/internal/session"
)

// firstCopy is the copy tag that a session without copies gets its first one at, whoever adds it and whatever the topology: two who chose
// differently could not be told apart after home is lost. It lies half the slots away from home.
const firstCopy = 4

// moveCopies gives a session's copies another chain. The new places are written first, then the old ones, which from then on point
// to the new, then home. A new place is written over only if what lies there ranks lower. False without an error means that there is
// nothing to move, errRefused that another change came between, or that something is in the way: a later round tries again.
func (s *Store) moveCopies(ctx context.Context, id session.ID, chain []int) (bool, error) {
	p, notAfter := s.placeOf(id), s.redis.Now().Add(repairWindow)
	base, err := s.resolve(ctx, p, chain)
	if err != nil || !base.exists() {
		return false, err
	}
	if len(base.Chain) == 0 && len(chain) > 0 {
		chain = []int{firstCopy}
	}
	if slices.Equal(base.Chain, chain) {
		return false, nil
	}
	l := look{}
	if err := s.read(ctx, p, l, chain...); err != nil {
		return false, err
	}
	next := base.moved(s.NewOp(), chain)
	writes, free := moveWrites(base, next, l)
	if !free {
		return false, errRefused
	}
	im, err := s.codec.image(next)
	if err != nil {
		return false, err
	}
	st := newStep(p, session.WhyCopiesMoved, base.Holder.Node, im, writes)
	st.must, st.notAfter = true, notAfter
	if err := s.attachMoved(ctx, st, base, next); err != nil {
		return false, err
	}
	s.apply(ctx, st)
	err = st.outcome()
	return err == nil, err
}

// moveWrites is the order of a move: places that are new, expecting what was just read there; the old chain; home. False means that
// at a new place lies something that does not rank below the record.
func moveWrites(base, next Record, l look) (writes []write, free bool) {
	for _, tag := range next.Chain {
		if slices.Contains(base.Chain, tag) {
			continue
		}
		there := l[tag].head.Stamp
		if there.Rank() >= next.Stamp.Rank() {
			return nil, false
		}
		writes = append(writes, write{tag, there})
	}
	return append(writes, over(base)...), true
}

// attachMoved has a move carry what lies beside the record to the places that are new, and away from those that become pointers.
func (s *Store) attachMoved(ctx context.Context, st *step, base, next Record) error {
	all, err := s.carriedWhole(ctx, st.place, base)
	if err != nil || base.Beside.nothing() {
		return err
	}
	for _, w := range st.writes {
		switch {
		case w.tag == home || slices.Contains(base.Chain, w.tag) && slices.Contains(next.Chain, w.tag):
		case slices.Contains(next.Chain, w.tag):
			st.attachAt(w.tag, all)
		default:
			st.attachAt(w.tag, base.dropping())
		}
	}
	return nil
}
