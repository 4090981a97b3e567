package redisx

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkHungShard measures what callers of the other masters notice of one that is silent: the 99th percentile of their calls, while callers
// of all three are at work, before and during. Each figure is the median of five spells.
func BenchmarkHungShard(b *testing.B) {
	s := newShards(b, 5*time.Second)
	for b.Loop() {
		before := s.spells(b)
		s.node(b, 1).Pause(b)
		first := s.spell(b) // the breaker is still closed when it begins
		during := s.spells(b)
		s.node(b, 1).Resume(b)
		eventually(b, "it is found again", func() bool {
			_, err := s.Run(b.Context(), incr, []string{s.keys[1]}, 1)
			return err == nil
		})
		b.ReportMetric(float64(before.Microseconds()), "p99-before-µs")
		b.ReportMetric(float64(first.Microseconds()), "p99-first-second-µs")
		b.ReportMetric(float64(during.Microseconds()), "p99-during-µs")
		b.ReportMetric(float64(during)/float64(before), "during/before")
	}
}

func (s *shards) spells(b *testing.B) time.Duration {
	b.Helper()
	all := make([]time.Duration, 5)
	for i := range all {
		all[i] = s.spell(b)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// spell is one second of four callers of each master: it returns the 99th percentile of the calls to the masters that answer.
func (s *shards) spell(b *testing.B) time.Duration {
	b.Helper()
	ctx, end := context.WithTimeout(b.Context(), time.Second)
	defer end()
	took := make([][]time.Duration, 8)
	var callers sync.WaitGroup
	for i := range 12 {
		key, served := s.keys[i%3], i%3 != 1
		callers.Go(func() {
			for ctx.Err() == nil {
				start := time.Now()
				_, err := s.Run(ctx, incr, []string{key}, 1)
				switch {
				case served && err == nil:
					n := i / 3 * 2
					if i%3 == 2 {
						n++
					}
					took[n] = append(took[n], time.Since(start))
				case served && ctx.Err() == nil:
					b.Errorf("a call to a master that answers: %v", err)
				}
			}
		})
	}
	callers.Wait()
	all := slices.Concat(took...)
	slices.Sort(all)
	return all[len(all)*99/100]
}
