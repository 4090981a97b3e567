package bench

import (
	"fmt"

	load "orchestrator/internal/bench"
)

// growth measures creates among more and more sessions, of one fleet: those of each measurement are deleted after it.
func (s *suite) growth() {
	s.tb.Helper()
	f := s.fleet(one.site, 2, one.factor)
	defer f.end()
	filling := s.generator(f.urls(), func(c *load.Config) { c.Concurrency = batchCallers })
	costs := make([][]float64, 0, len(s.size.grown))
	for _, n := range s.size.grown {
		s.fill(filling, n-filling.Sessions())
		rest := f.watched(s.size.renewal)
		s.add(fmt.Sprintf("growth.%d.rest", n), percent(rest.sum()))
		costs = append(costs, nil)
		for range s.size.rounds {
			cpu := s.costAmong(f, rest)
			s.add(fmt.Sprintf("growth.%d.cpu", n), cpu)
			costs[len(costs)-1] = append(costs[len(costs)-1], cpu)
		}
	}
	least, most := costs[0], costs[len(costs)-1]
	for i := range least {
		s.ratio("growth.ratio", most[i], least[i])
	}
}

// costAmong is the processor time of a create in microseconds, beyond what the fleet spends at rest.
func (s *suite) costAmong(f *fleet, rest spent) float64 {
	s.tb.Helper()
	g := s.generator(f.urls(), nil)
	defer g.Close()
	_, of := f.cost(g, load.Load{Mix: load.Only(load.Create), Requests: s.size.window}, rest)
	p, err := g.Clean(s.ctx())
	s.judge("clean", p, err)
	return micros(of.sum())
}
