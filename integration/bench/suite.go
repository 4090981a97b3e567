package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	load "orchestrator/internal/bench"
)

// suite is one run.
type suite struct {
	root    *testing.T
	tb      testing.TB // of the step that is under way
	size    size
	only    []string // groups; none: all
	figures figures
	loads   []measured
	failed  []string // what was said of requests that failed
	sites   map[layout]*site
	ceiling string // its address, once it was started
	fleets  int    // started so far
	round   int
	rawOne  float64   // raw SETs a second on one server, in this round
	tell    io.Writer // how far the run is
}

// measured is one load as it went.
type measured struct {
	What  string     `json:"what"`
	Round int        `json:"round"`
	Phase load.Phase `json:"phase"`
}

func newSuite(t *testing.T, z size, only []string, tell io.Writer) *suite {
	t.Helper()
	s := &suite{root: t, tb: t, size: z, only: only, failed: []string{}, sites: map[layout]*site{}, tell: tell}
	s.figures = plan(z, s.wants)
	return s
}

// wants reports whether one of the groups is to be measured.
func (s *suite) wants(some ...string) bool {
	return len(s.only) == 0 || slices.ContainsFunc(some, func(g string) bool { return slices.Contains(s.only, g) })
}

// run takes every figure that is wanted. What is compared with one another is measured in turn, round by round.
func (s *suite) run() {
	s.root.Helper()
	if s.wants("create", "read", "patch", "bodies") {
		s.startCeiling()
	}
	for s.round = 1; s.round <= s.size.rounds; s.round++ {
		for _, p := range places {
			s.step(p.title(), s.wants(p.groups...), func() { s.throughput(p) }, p.site)
		}
		s.step("creates by masters and nodes", s.wants("scale"), s.scale, one.site, three.site)
		for _, bytes := range s.size.bodies {
			s.step(fmt.Sprintf("%d bytes of config", bytes), s.wants("bodies") && s.round <= bodyRounds, func() { s.body(bytes) }, three.site)
		}
	}
	s.round = 0
	s.step("leases of one node", s.wants("renewal", "memory"), s.renewal, one.site)
	s.step("a node at rest", s.wants("renewal", "memory", "list"), s.atRest, three.site)
	s.step("a node is killed", s.wants("takeover"), s.takeover, three.site)
	s.step("creates among more and more sessions", s.wants("growth"), s.growth, one.site)
}

// step is one measurement, if it is wanted: a subtest, so that one that cannot go on keeps no other from being taken.
func (s *suite) step(name string, wanted bool, measure func(), on ...layout) {
	s.root.Helper()
	if !wanted {
		return
	}
	for _, l := range on {
		s.start(l)
	}
	if s.round > 0 {
		name = fmt.Sprintf("round %d of %d: %s", s.round, s.size.rounds, name)
	}
	fmt.Fprintln(s.tell, "bench: "+name)
	s.root.Run(name, func(t *testing.T) {
		s.tb = t
		defer func() { s.tb = s.root }()
		measure()
	})
}

func (s *suite) ctx() context.Context { return s.tb.Context() }

// add notes a value if its figure is wanted.
func (s *suite) add(id string, v float64) {
	if s.planned(id) {
		s.figures.add(id, v)
	}
}

// ratio notes how much a is of b, where b is enough to tell.
func (s *suite) ratio(id string, a, b float64) {
	if a <= 0 || b <= 0 {
		s.miss(id, errors.New("too little was spent to compare"))
		return
	}
	s.add(id, a/b)
}

// miss notes why a figure that is wanted has no value.
func (s *suite) miss(id string, why error) {
	if s.planned(id) {
		s.figures.miss(id, why.Error())
	}
}

func (s *suite) planned(id string) bool {
	return slices.ContainsFunc(s.figures, func(f *figure) bool { return f.ID == id })
}

// awaited limits how long anything is waited for.
const awaited = 2 * time.Minute

// await asks until the answer is yes.
func (s *suite) await(what string, ask func() bool) {
	s.tb.Helper()
	for deadline := time.Now().Add(awaited); !ask(); s.pause(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.tb.Fatalf("bench: in %s it has not come to it that %s", awaited, what)
		}
	}
}

// pause waits, unless the test is over.
func (s *suite) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.ctx().Done():
	}
}
