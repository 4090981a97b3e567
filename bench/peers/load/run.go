// Package load calls an operation from many callers at once and measures it.
package load

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Plan says how much is done. Of Operations and Duration, what ends first ends the run.
type Plan struct {
	Callers    int           // each calls, waits for the answer, and calls again
	Operations int           // at the most
	Duration   time.Duration // no new call after it; 0 for no limit
}

// Result is what came of a run. Latencies are of successful calls, in order of length.
type Result struct {
	Done       []int // the indices that succeeded, in no order
	Latencies  []time.Duration
	Errors     int
	FirstError error         // one of the first errors
	Elapsed    time.Duration // until the last answer
}

// Run calls op with each index from 0 on, every index once. When ctx ends, calls fail and no further ones are made.
func Run(ctx context.Context, p Plan, op func(ctx context.Context, i int) error) Result {
	var (
		next    atomic.Int64
		wg      sync.WaitGroup
		results = make([]Result, p.Callers)
		start   = time.Now()
	)
	for c := range results {
		wg.Go(func() {
			var mine Result
			for ctx.Err() == nil && (p.Duration == 0 || time.Since(start) < p.Duration) {
				i := int(next.Add(1)) - 1
				if i >= p.Operations {
					break
				}
				mine.call(ctx, i, op)
			}
			results[c] = mine
		})
	}
	wg.Wait()
	return merge(results, time.Since(start))
}

func (r *Result) call(ctx context.Context, i int, op func(context.Context, int) error) {
	start := time.Now()
	err := op(ctx, i)
	if err == nil {
		r.Latencies = append(r.Latencies, time.Since(start))
		r.Done = append(r.Done, i)
		return
	}
	r.Errors++
	if r.FirstError == nil {
		r.FirstError = err
	}
}

func merge(results []Result, elapsed time.Duration) Result {
	all := Result{Elapsed: elapsed}
	for _, r := range results {
		all.Done = append(all.Done, r.Done...)
		all.Latencies = append(all.Latencies, r.Latencies...)
		all.Errors += r.Errors
		if all.FirstError == nil {
			all.FirstError = r.FirstError
		}
	}
	slices.Sort(all.Latencies)
	return all
}

// Percentile is the smallest latency that p percent of the successful calls did not exceed, by nearest rank; 0 without any. P is
// above 0 and at most 100.
func (r Result) Percentile(p float64) time.Duration {
	if len(r.Latencies) == 0 {
		return 0
	}
	rank := int(p/100*float64(len(r.Latencies))+0.999999) - 1
	return r.Latencies[min(max(rank, 0), len(r.Latencies)-1)]
}

// PerSecond is the rate of successful calls.
func (r Result) PerSecond() float64 {
	if r.Elapsed == 0 {
		return 0
	}
	return float64(len(r.Latencies)) / r.Elapsed.Seconds()
}
