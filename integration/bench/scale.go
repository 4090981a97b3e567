package bench

import (
	"fmt"

	load "orchestrator/internal/bench"
)

// scale compares what a create costs with one master and with three, with two nodes and with more. There are no copies, for one master has
// none.
func (s *suite) scale() {
	s.tb.Helper()
	small, smallBatch := s.costsOf(one.site, 2)
	spread, spreadBatch := s.costsOf(three.site, 2)
	many, manyBatch := s.costsOf(three.site, s.size.nodes)
	s.ratio("scale.masters", spread, small)
	s.ratio("scale.masters.batch", spreadBatch, smallBatch)
	s.ratio("scale.nodes", many, spread)
	s.ratio("scale.nodes.batch", manyBatch, spreadBatch)
}

// costsOf is the processor time per session, in microseconds, of single creates and of batches.
func (s *suite) costsOf(l layout, nodes int) (single, batch float64) {
	s.tb.Helper()
	f := s.fleet(l, nodes, 1)
	defer f.end()
	rest := f.watched(s.size.rest)
	_, of := f.cost(s.generator(f.urls(), nil), s.size.load(load.Create), rest)
	_, ofBatch := f.cost(s.generator(f.urls(), func(c *load.Config) { c.Concurrency = batchCallers }), s.size.load(load.Batch), rest)
	return micros(of.sum()), micros(ofBatch.sum())
}

// bodyRounds bounds the rounds over larger bodies.
const bodyRounds = 3

// batchBytes bounds a batch's body where sessions are large.
const batchBytes = 4 << 20

// body compares sessions of larger configs with raw SETs and the ceiling of as much.
func (s *suite) body(bytes int) {
	s.tb.Helper()
	f := s.fleet(three.site, 2, three.factor)
	defer f.end()
	large := func(c *load.Config) { c.Body, c.Batch = bytes, min(batchSize, batchBytes/bytes) }
	single, top := s.generator(f.urls(), large), s.generator([]string{s.ceiling}, large)
	several := s.generator(f.urls(), func(c *load.Config) { large(c); c.Concurrency = batchCallers })
	s.fill(single, min(100, s.size.readable()))
	s.fill(top, 1)
	id := fmt.Sprintf("bodies.%d", bytes)
	if raw, err := s.raw(f.at, f.blob()); err != nil {
		s.miss(id+".batch.perRaw", err)
	} else {
		s.add(id+".batch.perRaw", s.measure(several, s.size.load(load.Batch)).SessionsPerSecond/raw)
	}
	create, _, _ := s.compare(load.Create, single, top)
	read, _, _ := s.compare(load.Read, single, top)
	s.add(id+".create.share", create)
	s.add(id+".read.share", read)
}
