package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

var (
	seed      = flag.Uint64("seed", 0, "replay the faults and the clients' choices of an earlier run; 0 draws a new seed")
	least     = flag.Duration("for", 0, "repeat each scenario's faults, rests between them, for so long at least")
	artifacts = flag.String("artifacts", "chaos-failures", "where to save what a failed run saw")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64N(1_000_000_000) + 1
	}
	if os.Getenv(redistest.Env) != "" {
		fmt.Fprintf(os.Stderr, "chaos: seed %d (the same faults again: -seed %d)\n", *seed, *seed)
	}
	redistest.Main(m)
}

// shown is how many violations are told; all of them are saved.
const shown = 10

// play runs a scenario; a run that saw a promise broken is saved and fails the test.
func play(t *testing.T, s Scenario) {
	t.Helper()
	s.Name, s.Seed, s.Least = t.Name(), *seed, *least
	began := time.Now()
	res := s.Run(t)
	t.Logf("%s", res.summary(time.Since(began)))
	for i, v := range res.Found {
		if i == shown {
			t.Errorf("and %d more", len(res.Found)-shown)
			break
		}
		t.Error(v)
	}
	if t.Failed() {
		res.save(t)
	}
}

func (r Result) save(t *testing.T) {
	t.Helper()
	command := fmt.Sprintf("%s=auto go test -tags nomsgpack ./integration/chaos -count 1 -run '^%s$' -seed %d -for %s", redistest.Env, t.Name(), r.Scenario.Seed, r.Scenario.Least)
	dir, err := r.Save(*artifacts, command)
	if err != nil {
		t.Errorf("what the run saw could not be saved: %v", err)
	}
	t.Logf("seed %d; saved in %s; again: %s", r.Scenario.Seed, dir, command)
}

// summary says in a line how much a run saw.
func (r Result) summary(took time.Duration) string {
	n, kinds := map[Outcome]int{}, map[Kind]int{}
	for _, o := range r.Ops {
		n[o.Outcome]++
		if o.Outcome == OK && !o.Repeat {
			kinds[o.Kind]++
		}
	}
	longest, searched := 0, 0
	for _, p := range r.Proofs {
		if p.of == ofSession {
			searched++
			longest = max(longest, p.calls)
		}
	}
	return fmt.Sprintf("%d calls: %d done, %d refused, %d unknown; %d sessions, at most %d calls each; %d messages, told %d times; contexts written %d times; "+
		"held %d times by followers; %d violations; %s", len(r.Ops), n[OK], n[No], n[Unknown], searched, longest,
		kinds[Publish], kinds[Follow], kinds[PutContext], len(r.Beliefs), len(r.Found), took.Round(100*time.Millisecond))
}
