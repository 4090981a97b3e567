package chainmodel

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Campaign is the outcome of many random runs.
type Campaign struct {
	Runs       int
	RolledBack int // runs with at least one rollback
	Acks       int // operations acknowledged
	Bad        int // runs with a violation
	Found      map[Violation]int
	First      map[Violation]uint64 // the first seed that showed it
}

// Play runs the rules over n seeds from first on, on so many goroutines.
func Play(r Rules, first uint64, n, workers int) Campaign {
	parts := make([]Campaign, workers)
	var wg sync.WaitGroup
	for g := range workers {
		wg.Go(func() {
			part := newCampaign()
			for seed := first + uint64(g); seed < first+uint64(n); seed += uint64(workers) {
				part.add(seed, Run(r, ShapeOf(r, seed), nil))
			}
			parts[g] = part
		})
	}
	wg.Wait()
	sum := newCampaign()
	for _, part := range parts {
		sum.merge(part)
	}
	return sum
}

// Hunt looks for the first of at most n seeds whose run breaks the promise. It reports false when there is none.
func Hunt(r Rules, first uint64, n int, what Violation) (uint64, bool) {
	for seed := first; seed < first+uint64(n); seed++ {
		if Run(r, ShapeOf(r, seed), nil).found[what] {
			return seed, true
		}
	}
	return 0, false
}

func newCampaign() Campaign {
	return Campaign{Found: map[Violation]int{}, First: map[Violation]uint64{}}
}

func (c *Campaign) add(seed uint64, w *World) {
	c.Runs++
	if len(w.losses) > 0 {
		c.RolledBack++
	}
	for _, s := range w.sessions {
		for _, o := range s.ops {
			if o.acked {
				c.Acks++
			}
		}
	}
	if len(w.found) > 0 {
		c.Bad++
	}
	for v := range w.found {
		c.note(v, 1, seed)
	}
}

func (c *Campaign) note(v Violation, n int, seed uint64) {
	c.Found[v] += n
	if was, ok := c.First[v]; !ok || seed < was {
		c.First[v] = seed
	}
}

func (c *Campaign) merge(part Campaign) {
	c.Runs += part.Runs
	c.RolledBack += part.RolledBack
	c.Acks += part.Acks
	c.Bad += part.Bad
	for v, n := range part.Found {
		c.note(v, n, part.First[v])
	}
}

// String is one line: the counts, and each violation with the first seed that shows it.
func (c Campaign) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "runs %d, with a rollback %d, acknowledged %d, bad %d", c.Runs, c.RolledBack, c.Acks, c.Bad)
	for _, v := range slices.Sorted(maps.Keys(c.Found)) {
		fmt.Fprintf(&b, "; %s: %d (seed %d)", v, c.Found[v], c.First[v])
	}
	return b.String()
}
