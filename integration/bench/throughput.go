package bench

import (
	load "orchestrator/internal/bench"
	"orchestrator/internal/session"
)

// throughput measures, with two nodes at a place, what is compared with raw Redis and with the HTTP ceiling.
func (s *suite) throughput(p place) {
	s.tb.Helper()
	if p.id == three.id && s.wants("read") {
		s.cachedReads(p)
	}
	f := s.fleet(p.site, 2, p.factor)
	defer f.end()
	rest := f.watched(s.size.rest)
	if s.wants("batch") {
		s.batches(p, f, rest)
	}
	if s.wants("create", "read", "patch") {
		s.singles(p, f, rest)
	}
}

// singles compares requests of one session with the ceiling.
func (s *suite) singles(p place, f *fleet, rest spent) {
	s.tb.Helper()
	single := s.generator(f.urls(), nil)
	top := s.generator([]string{s.ceiling}, nil)
	if s.wants("create") {
		s.creates(p, f, rest, single, top)
	}
	if !p.has("read") || !s.wants("read", "patch") {
		return
	}
	s.fill(single, s.size.readable())
	s.fill(top, s.size.readable())
	if s.wants("read") {
		s.reads(p, single, top)
	}
	if s.wants("patch") && p.has("patch") {
		share, rate, _ := s.compare(load.Patch, single, top)
		s.add("patch.three.share", share)
		s.add("patch.three.rate", rate)
		s.patchesOfOne(f)
	}
}

// patchesOfOne compares how long a single caller waits for a patch, by durability.
func (s *suite) patchesOfOne(f *fleet) {
	s.tb.Helper()
	p50 := func(d session.Durability) float64 {
		g := s.generator(f.urls(), func(c *load.Config) { c.Concurrency, c.Durability = 1, d })
		s.fill(g, s.size.readable())
		return s.measure(g, s.size.load(load.Patch)).Latency.P50
	}
	acked, fast := p50(session.Acked), p50(session.Fast)
	s.add("patch.three.p50", acked)
	s.add("patch.three.fast.p50", fast)
	s.add("patch.three.fast.perAcked", fast/acked)
}

// compare measures an operation at the ceiling and then of the fleet, and returns the share and both rates.
func (s *suite) compare(op load.Op, of, top *load.Generator) (share, rate, ceiling float64) {
	s.tb.Helper()
	ceiling = s.measure(top, s.size.load(op)).RequestsPerSecond
	rate = s.measure(of, s.size.load(op)).RequestsPerSecond
	return rate / ceiling, rate, ceiling
}

// batches compares batch creates with raw SETs of as much.
func (s *suite) batches(p place, f *fleet, rest spent) {
	s.tb.Helper()
	several := func(c *load.Config) { c.Concurrency = batchCallers }
	g := s.generator(f.urls(), several)
	s.fill(g, min(batchSize, s.size.owned))
	raw, err := s.raw(f.at, f.blob())
	o, cpu := f.cost(g, s.size.load(load.Batch), rest)
	id := "batch." + p.id
	s.add(id+".rate", o.SessionsPerSecond)
	s.costs("batch", p, cpu)
	packed := s.packed(p, f)
	if err != nil {
		s.noRaw(p, err)
		return
	}
	s.add(id+".raw", raw)
	s.add(id+".perRaw", o.SessionsPerSecond/raw)
	if packed > 0 {
		s.add(id+".msgpack.perRaw", packed/raw)
	}
	switch p.id {
	case one.id:
		s.rawOne = raw
	case three.id:
		s.ratio("batch.three.perRawOne", o.SessionsPerSecond, s.rawOne)
	}
}

// costs notes the processor time of a session.
func (s *suite) costs(group string, p place, of spent) {
	s.add(group+"."+p.id+".cpu", micros(of.sum()))
	s.add(group+"."+p.id+".cpu.redis", micros(of.redis))
}

// noRaw says why there is nothing to compare with.
func (s *suite) noRaw(p place, err error) {
	for _, id := range []string{".raw", ".perRaw", ".msgpack.perRaw", ".perRawOne"} {
		s.miss("batch."+p.id+id, err)
	}
}

// packed measures batches in MessagePack where that has a figure, in sessions a second; 0 where the server does not speak it.
func (s *suite) packed(p place, f *fleet) float64 {
	s.tb.Helper()
	if !s.planned("batch." + p.id + ".msgpack.perRaw") {
		return 0
	}
	g := s.generator(f.urls(), func(c *load.Config) { c.Concurrency, c.Encoding = batchCallers, load.MsgPack })
	if _, err := s.try(g, load.Load{Mix: load.Only(load.Batch), Requests: 1}); err != nil {
		s.miss("batch."+p.id+".msgpack.perRaw", err)
		return 0
	}
	return s.measure(g, s.size.load(load.Batch)).SessionsPerSecond
}

// creates compares single creates with the ceiling, and looks how even they are at half the peak.
func (s *suite) creates(p place, f *fleet, rest spent, single, top *load.Generator) {
	s.tb.Helper()
	ceiling := s.measure(top, s.size.load(load.Create)).RequestsPerSecond
	o, cpu := f.cost(single, s.size.load(load.Create), rest)
	id := "create." + p.id
	s.add("create.ceiling", ceiling)
	s.add(id+".share", o.RequestsPerSecond/ceiling)
	s.add(id+".rate", o.RequestsPerSecond)
	s.costs("create", p, cpu)
	if p.id != three.id {
		return
	}
	paced := s.size.load(load.Create)
	paced.Rate = o.RequestsPerSecond / 2
	half := s.measure(single, paced)
	s.add("create.three.half.p50", half.Latency.P50)
	s.add("create.three.half.p99", half.Latency.P99)
	s.add("create.three.half.ratio", half.Latency.P99/half.Latency.P50)
}

// reads compares both kinds of read with the ceiling.
func (s *suite) reads(p place, single, top *load.Generator) {
	s.tb.Helper()
	share, rate, ceiling := s.compare(load.Read, single, top)
	id := "read." + p.id
	s.add(id+".share", share)
	s.add(id+".rate", rate)
	s.add("read.ceiling", ceiling)
	s.add(id+".eventual.share", s.measure(single, s.size.load(load.Eventual)).RequestsPerSecond/ceiling)
}

// longTTL is a cacheTTL in which the cache answers nearly every read of a measurement; what changes is dropped from it by the fleet's events.
const longTTL = "1m"

// cachedReads compares eventual reads that the cache answers with the ceiling, once the caches answer nearly all of them, and notes how many they did.
func (s *suite) cachedReads(p place) {
	s.tb.Helper()
	f := s.fleet(p.site, 2, p.factor, "--cache-ttl", longTTL)
	defer f.end()
	cached, top := s.generator(f.urls(), nil), s.generator([]string{s.ceiling}, nil)
	s.fill(cached, s.size.readable())
	s.fill(top, s.size.readable())
	var before cacheMetrics
	s.await("the caches answer nearly all reads", func() bool {
		before = f.cache()
		s.send(cached, s.size.load(load.Eventual))
		return f.cache().hitRate(before) >= 0.99
	})
	before = f.cache()
	share, _, _ := s.compare(load.Eventual, cached, top)
	s.add("read."+p.id+".cached.share", share)
	s.add("read."+p.id+".cached.hits", f.cache().hitRate(before))
}
