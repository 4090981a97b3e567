package chainmodel

import (
	"testing"

	"pgregory.net/rapid"
)

// TestProtocolHolds plays every variant over a range of seeds. For a long search:
//
//	go test ./internal/chainmodel -run TestProtocolHolds -timeout 0 -runs 1000000 -seed 1
func TestProtocolHolds(t *testing.T) {
	t.Parallel()
	for _, r := range Variants() {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			chosen(t, r.Name)
			n := runs(t, 1500)
			c := Play(r, *flagSeed, n, 2)
			t.Logf("seeds %d to %d: %v", *flagSeed, *flagSeed+uint64(n)-1, c)
			for v, seed := range c.First {
				t.Errorf("seed %d: %s; %s", seed, v, howToSee(r.Name, seed))
			}
		})
	}
}

// TestAnyShapeHolds lets rapid choose the variant and the make-up of the run, so that a failure shrinks to few operations.
func TestAnyShapeHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.SampledFrom(Variants()).Draw(t, "variant")
		shape := drawShape(t, r)
		if found := Run(r, shape, nil).Violations(); len(found) > 0 {
			t.Fatalf("%s: %v under %+v", r.Name, found, shape)
		}
	})
}

func drawShape(t *rapid.T, r Rules) Shape {
	kinds := []Kind{Write, HolderWrite, Takeover, Delete}
	if r.Moves {
		kinds = append(kinds, Move)
	}
	s := Shape{
		Seeded:   rapid.Bool().Draw(t, "seeded") || r.Grow,
		Ops:      rapid.SliceOfN(rapid.SampledFrom(kinds), 1, 12).Draw(t, "operations"),
		Doubling: rapid.IntRange(0, 30).Draw(t, "doubled, percent"),
		Timeout:  rapid.IntRange(0, 30).Draw(t, "timed out, percent"),
		Loss:     rapid.IntRange(0, 100).Draw(t, "rollbacks, thousandths"),
		Crash:    rapid.IntRange(0, 100).Draw(t, "crashes, thousandths"),
		Readers:  rapid.IntRange(0, 4).Draw(t, "readers"),
		Syncs:    rapid.IntRange(0, 4).Draw(t, "sync rounds"),
		Seed:     rapid.Uint64().Draw(t, "seed"),
	}
	if r.Sessions > 1 {
		s.Batches = rapid.IntRange(0, 3).Draw(t, "batches")
	}
	return s
}
