package bench

import (
	"time"

	load "orchestrator/internal/bench"
)

// renewal lets one node hold leases on one server, with sync rounds too rare to come.
func (s *suite) renewal() {
	s.tb.Helper()
	f := s.fleet(one.site, 1, one.factor, "--sync-interval", "1h")
	defer f.end()
	_, perSession := f.fillAndWeigh(s.size.owned)
	s.add("memory.one.redis", perSession)
	if !s.wants("renewal") {
		return
	}
	for range s.size.rounds {
		p := f.watched(s.size.renewal)
		s.add("renewal.redis", percent(p.redis))
		s.add("renewal.node", percent(p.nodes))
	}
}

// atRest lets one node own sessions with copies and do all that it does at rest, and then has a second one answer lists as well.
func (s *suite) atRest() {
	s.tb.Helper()
	f := s.fleet(three.site, 1, three.factor)
	defer f.end()
	g, perSession := f.fillAndWeigh(s.size.owned)
	g.Close()
	s.add("memory.three.redis", perSession)
	s.add("memory.blob", float64(f.blob()))
	if s.wants("renewal", "memory") {
		s.rests(f)
	}
	if s.wants("list") {
		f.join(1)
		s.lists(f)
	}
}

// restRounds bounds the rounds of a fleet at rest.
const restRounds = 3

func (s *suite) rests(f *fleet) {
	s.tb.Helper()
	for range min(s.size.rounds, restRounds) {
		p := f.watched(s.size.renewal)
		s.add("renewal.rest.redis", percent(p.redis))
		s.add("renewal.rest.node", percent(p.nodes))
		bytes, err := resident(f.nodes[0].PID())
		if err != nil {
			s.tb.Fatalf("bench: %v", err)
		}
		s.add("memory.node", float64(bytes)/(1<<20))
	}
}

func (s *suite) lists(f *fleet) {
	s.tb.Helper()
	g := s.generator(f.urls(), func(c *load.Config) { c.Concurrency = listCallers })
	for range s.size.rounds {
		o := s.measure(g, s.size.load(load.List))
		s.add("list.p50", o.Latency.P50)
		s.add("list.p99", o.Latency.P99)
		s.add("list.rate", o.RequestsPerSecond)
	}
}

// fillAndWeigh makes n sessions and returns the bytes that each takes of Redis beyond the blobs of its records.
func (f *fleet) fillAndWeigh(n int) (g *load.Generator, perSession float64) {
	f.s.tb.Helper()
	before := f.memory()
	g = f.s.generator(f.urls(), func(c *load.Config) { c.Concurrency = batchCallers })
	f.s.fill(g, n)
	blobs, _, err := f.at.blobs(f.s.ctx(), f.prefix)
	if err != nil {
		f.s.tb.Fatalf("bench: %v", err)
	}
	return g, (f.memory() - before - float64(blobs)) / float64(n)
}

func (f *fleet) memory() float64 {
	f.s.tb.Helper()
	bytes, err := f.at.memory(f.s.ctx())
	if err != nil {
		f.s.tb.Fatalf("bench: %v", err)
	}
	return bytes
}

// percent is a processor time per second as a share of one core.
func percent(perSecond time.Duration) float64 { return perSecond.Seconds() * 100 }
