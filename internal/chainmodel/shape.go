package chainmodel

import "math/rand/v2"

// Shape is what a random run is made of. The schedule, the nodes and the moment of every fault follow from the seed.
type Shape struct {
	Seed     uint64
	Seeded   bool   // the session exists already; else its create is the first operation
	Ops      []Kind // besides the create
	Doubling int    // percent of calls sent twice
	Timeout  int    // percent of calls timed out
	Loss     int    // chance of a rollback at each step, in thousandths
	Crash    int    // chance of a crash at each step, in thousandths
	Readers  int    // linearizable readers
	Syncs    int    // sync rounds
	Batches  int    // batches over all sessions
}

// ShapeOf draws the shape that belongs to a seed under the rules.
func ShapeOf(r Rules, seed uint64) Shape {
	d := rand.New(rand.NewPCG(seed, 77))
	s := Shape{
		Seed:     seed,
		Seeded:   d.IntN(3) > 0 || r.Grow, // a create without a copy has nothing to hold on to when home is lost
		Doubling: oneOf(d, 0, 3, 10),
		Timeout:  oneOf(d, 0, 3, 10),
		Loss:     oneOf(d, 0, 10, 30, 100),
		Crash:    oneOf(d, 0, 10, 40),
		Readers:  1 + d.IntN(3),
		Syncs:    max(0, d.IntN(8)-3),
	}
	for range 2 + d.IntN(7) {
		if k, ok := r.drawOp(d); ok {
			s.Ops = append(s.Ops, k)
		}
	}
	if r.Retention > 0 {
		s.Ops = append(s.Ops, Delete)
	}
	if r.Moves {
		for range 1 + d.IntN(3) {
			s.Ops = append(s.Ops, Move)
		}
	}
	if r.Sessions > 1 {
		s.Batches = 1 + d.IntN(3)
	}
	return s
}

// drawOp draws one operation; writes and takeovers are the most frequent.
func (r Rules) drawOp(d *rand.Rand) (Kind, bool) {
	switch k := d.IntN(12); {
	case k < 5:
		return Write, true
	case k < 7:
		return HolderWrite, true
	case k < 10:
		return Takeover, true
	case k < 11:
		return Delete, r.Retention > 0 || d.IntN(2) == 0
	default:
		return 0, false
	}
}

func oneOf(d *rand.Rand, of ...int) int { return of[d.IntN(len(of))] }
