package sessionstore

import (
	"context"
	"errors"
	"slices"

	"orchestrator/internal/session"
)

// moveCopies gives a session's copies another chain. The new places are written first, then the old ones, which from then on point
// to the new, then home. False without an error means that another change came between: a later round tries again.
func (s *Store) moveCopies(ctx context.Context, id session.ID, chain []int) (bool, error) {
	p := s.placeOf(id)
	base, err := s.resolve(ctx, p, chain)
	if err != nil || !base.exists() || slices.Equal(base.Chain, chain) {
		return false, err
	}
	l := look{}
	if err := s.read(ctx, p, l, chain...); err != nil {
		return false, err
	}
	im, err := base.moved(s.NewOp(), chain).image()
	if err != nil {
		return false, err
	}
	st := newStep(p, base.Holder.Node, im, moveWrites(base, chain, l))
	st.notAfter = s.redis.Now().Add(repairWindow)
	s.apply(ctx, st)
	if err := st.outcome(); err != nil {
		if errors.Is(err, errRefused) {
			return false, nil
		}
		return false, err
	}
	return true, nil
}

// moveWrites is the order of a move: places that are new, expecting what was just read there; the old chain; home.
func moveWrites(base Record, chain []int, l look) []write {
	var writes []write
	for _, tag := range chain {
		if !slices.Contains(base.Chain, tag) {
			writes = append(writes, write{tag, l[tag].head.Stamp})
		}
	}
	return append(writes, over(base)...)
}
