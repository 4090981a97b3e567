package chainmodel

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// dice makes a run's free choices: at random, or one after another in the exhaustive search.
type dice interface {
	// Pick returns a number from 0 to n-1.
	Pick(n int) int
}

// stage is what every run stands on: actors that take turns, one clock that ticks at each, the network between them
// and the servers, and the list of promises broken.
type stage struct {
	actors []*actor
	now    int
	dice   dice
	net    network
	found  map[Violation]bool
	log    io.Writer
}

func newStage() stage { return stage{net: perfect{}, found: map[Violation]bool{}} }

// pick asks the dice where there is a choice.
func (s *stage) pick(n int) int {
	if n <= 1 {
		return 0
	}
	return s.dice.Pick(n)
}

// report notes that the run broke a promise.
func (s *stage) report(v Violation) {
	s.found[v] = true
	s.tracef("VIOLATION %s", v)
}

// Violations lists what the run broke, in alphabetical order.
func (s *stage) Violations() []Violation { return slices.Sorted(maps.Keys(s.found)) }

func (s *stage) tracef(format string, args ...any) {
	if s.log != nil {
		fmt.Fprintf(s.log, "%5d "+format+"\n", append([]any{s.now}, args...)...)
	}
}

// awake lists the actors that have not ended.
func (s *stage) awake() []*actor {
	var l []*actor
	for _, a := range s.actors {
		if !a.done {
			l = append(l, a)
		}
	}
	return l
}

// advance lets one actor take one step.
func (s *stage) advance(a *actor) {
	s.now++
	if _, ok := a.next(); !ok {
		a.done = true
	}
}

// clear stops everybody.
func (s *stage) clear() {
	for _, a := range s.awake() {
		a.crash()
	}
	s.actors = nil
}
