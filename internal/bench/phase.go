package bench

import (
	"context"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"
)

// Phase is what was measured of one phase of a run.
type Phase struct {
	Name       string      `json:"name"` // fill, load, clean or sweep
	Seconds    float64     `json:"seconds"`
	Operations []Operation `json:"operations"` // those that were sent
	Errors     []Failures  `json:"errors"`     // none: empty
}

// Operation is what was measured of one operation.
type Operation struct {
	Name     string           `json:"name"`
	Requests int64            `json:"requests"`
	Sessions int64            `json:"sessions"` // made, read, changed or ended
	Errors   int64            `json:"errors"`   // failed requests, and failed items of batches
	ByCode   map[string]int64 `json:"errorsByCode"`
	Sent     int64            `json:"sentBytes"` // of bodies
	Received int64            `json:"receivedBytes"`

	RequestsPerSecond float64 `json:"requestsPerSecond"`
	SessionsPerSecond float64 `json:"sessionsPerSecond"`

	Latency Latency `json:"latencyMs"` // of requests that did not fail
}

// Latency is the distribution of times, in milliseconds.
type Latency struct {
	Mean float64 `json:"mean"`
	Min  float64 `json:"min"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// Failures are those of one code.
type Failures struct {
	Code  string `json:"code"`
	Count int64  `json:"count"`
	First string `json:"first"` // the operation and what was said of the first one
}

// Of returns what was measured of an operation; nothing was where it was not sent.
func (p Phase) Of(o Op) Operation {
	for _, op := range p.Operations {
		if op.Name == o.String() {
			return op
		}
	}
	return Operation{Name: o.String()}
}

// Failed is how many requests, and items of batches, failed.
func (p Phase) Failed() (n int64) {
	for _, e := range p.Errors {
		n += e.Count
	}
	return n
}

// phase has all callers work at once, until each has returned, and sums up. The first error ends it.
func (g *Generator) phase(ctx context.Context, name string, work func(ctx context.Context, c *caller) error) (Phase, error) {
	record := newRecorder()
	told := g.tell(name, record)
	callers, ctx := errgroup.WithContext(ctx)
	for i := range g.cfg.Concurrency {
		c := &caller{g: g, record: record, rand: rand.New(rand.NewPCG(g.cfg.Seed, uint64(i))), turn: i}
		callers.Go(func() error { return work(ctx, c) })
	}
	err := callers.Wait()
	took := time.Since(record.began)
	told()
	return record.phase(name, took), err
}
