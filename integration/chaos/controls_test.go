package chaos

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// controls are the program's guards, each with a scenario that shows what happens without it, and the promises of which one is
// seen broken then.
var controls = []struct {
	guard    string
	of       string // where a guard has several, what this one is about
	scenario Scenario
	breaks   []string
}{
	{"stamp", "", Scenario{Site: cluster, Among: 3, Clients: 8, Think: time.Millisecond, Mix: Mix{Patch: 90}, Play: load(2 * time.Second)},
		[]string{NothingLost, Linearizable}},
	{"stamp", " of fast sessions", Scenario{Site: cluster, Among: 3, Clients: 8, Think: time.Millisecond, Mix: Mix{Patch: 90, Fast: 100}, Play: load(2 * time.Second)},
		[]string{NothingLost, Linearizable}},
	{"opid", "", Scenario{Site: proxied, Mix: Mix{Patch: 80}, Play: Fault{Hold: 3 * time.Second, Start: dropReplies}.play},
		[]string{AtMostOnce}},
	{"opid", " of messages", Scenario{Site: proxied, Mix: Mix{Publish: 70, Messages: 30}, Play: Fault{Hold: 3 * time.Second, Start: dropReplies}.play},
		[]string{AtMostOnce}},
	{"order", "", Scenario{Site: proxied, Readers: 3, Mix: Mix{Patch: 60}, Play: homeRolledBack.play},
		[]string{Linearizable, NothingLost}},
	{"fencing", "", Scenario{Site: single, Play: nodeCutOff.play},
		[]string{OneFollower}},
	{"brake", "", Scenario{Site: cluster, Settled: true, Play: mostStopped.play},
		[]string{StayedPut}},
}

// load lets clients do what they do for a while.
func load(d time.Duration) func(*world, *rand.Rand) {
	return func(w *world, _ *rand.Rand) {
		time.Sleep(d)
		w.recovered()
	}
}

// tries is how many runs a control has to show what its guard prevents: whether it shows in one is a matter of chance, as with any fault.
const tries = 3

// Without any one of its guards the program breaks a promise, and the suite sees which.
func TestControls(t *testing.T) {
	t.Parallel()
	redistest.Require(t)
	for _, c := range controls {
		harness.BuildWith(t, "broken_"+c.guard) // as in TestChaos
	}
	for _, c := range controls {
		t.Run(c.guard+c.of, func(t *testing.T) {
			t.Parallel()
			s := c.scenario
			s.Name, s.Seed = t.Name(), *seed
			s.Binary = harness.BuildWith(t, "broken_"+c.guard)
			for try := 1; ; try, s.Seed = try+1, s.Seed+1 {
				res := s.Run(t)
				seen := slices.DeleteFunc(slices.Clone(res.Found), func(v Violation) bool { return !slices.Contains(c.breaks, v.Promise) })
				if len(seen) > 0 {
					t.Logf("run %d found %d violations, such as: %v", try, len(seen), seen[0])
					return
				}
				t.Logf("run %d, seed %d: nobody noticed; of %q, found %v", try, s.Seed, c.breaks, res.Found)
				if try == tries {
					t.Errorf("without the guard %q nobody noticed in %d runs", c.guard, tries)
					res.save(t)
					return
				}
			}
		})
	}
}
