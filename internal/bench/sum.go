package bench

import (
	"maps"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// phase sums up what was recorded.
func (r *recorder) phase(name string, took time.Duration) Phase {
	p := Phase{Name: name, Seconds: took.Seconds(), Operations: []Operation{}, Errors: []Failures{}}
	codes := map[string]int64{}
	for op := range r.tallies {
		t := &r.tallies[op]
		if t.requests == 0 {
			continue
		}
		o := t.sum(Op(op), took)
		p.Operations = append(p.Operations, o)
		for code, n := range o.ByCode {
			codes[code] += n
		}
	}
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		p.Errors = append(p.Errors, Failures{code, codes[code], r.first[code]})
	}
	return p
}

func (t *tally) sum(op Op, took time.Duration) Operation {
	o := Operation{
		Name: op.String(), Requests: t.requests, Sessions: t.sessions, ByCode: t.codes, Sent: t.sent, Received: t.received,
		RequestsPerSecond: float64(t.requests) / took.Seconds(), SessionsPerSecond: float64(t.sessions) / took.Seconds(),
		Latency: latencyOf(t.took),
	}
	for _, n := range t.codes {
		o.Errors += n
	}
	return o
}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	if h.TotalCount() == 0 {
		return Latency{}
	}
	at := func(percent float64) float64 { return float64(h.ValueAtQuantile(percent)) / 1000 }
	return Latency{
		Mean: h.Mean() / 1000, Min: float64(h.Min()) / 1000, P50: at(50), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9),
		Max: float64(h.Max()) / 1000,
	}
}
