package load_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"orchestrator/bench/peers/load"
)

func TestEveryIndexIsCalledOnce(t *testing.T) {
	t.Parallel()
	odd := errors.New("odd")
	r := load.Run(t.Context(), load.Plan{Callers: 7, Operations: 100}, func(_ context.Context, i int) error {
		if i%2 == 1 {
			return odd
		}
		return nil
	})
	slices.Sort(r.Done)
	for i, got := range r.Done {
		if got != 2*i {
			t.Fatalf("done: %v", r.Done)
		}
	}
	if len(r.Done) != 50 || len(r.Latencies) != 50 || r.Errors != 50 || !errors.Is(r.FirstError, odd) {
		t.Errorf("%d done, %d latencies, %d errors, first %v", len(r.Done), len(r.Latencies), r.Errors, r.FirstError)
	}
}

func TestARunEndsWithItsDuration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := load.Run(t.Context(), load.Plan{Callers: 2, Operations: 1000, Duration: 10 * time.Second}, func(context.Context, int) error {
			time.Sleep(time.Second)
			return nil
		})
		if len(r.Done) != 20 || r.Elapsed != 10*time.Second || r.PerSecond() != 2 {
			t.Errorf("%d calls in %v, %g a second", len(r.Done), r.Elapsed, r.PerSecond())
		}
	})
}

func TestPercentilesAreNearestRanks(t *testing.T) {
	t.Parallel()
	var r load.Result
	if r.Percentile(99) != 0 || r.PerSecond() != 0 {
		t.Error("of nothing something")
	}
	for i := range 200 {
		r.Latencies = append(r.Latencies, time.Duration(i+1))
	}
	for p, want := range map[float64]time.Duration{0.1: 1, 50: 100, 99: 198, 99.5: 199, 100: 200} {
		if got := r.Percentile(p); got != want {
			t.Errorf("p%g: %d, want %d", p, got, want)
		}
	}
}

func TestAKeeperRenewsWhatItHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		k := load.NewKeeper(30*time.Second, func(_ context.Context, i int) error {
			if i == 2 {
				return errors.New("lost")
			}
			return nil
		})
		k.Hold(1)
		k.Hold(2)
		go k.Run(ctx)
		time.Sleep(31 * time.Second)
		stop()
		synctest.Wait()
		if renewed, failed := k.Counts(); renewed != 3 || failed != 3 {
			t.Errorf("%d renewed, %d failed, want 3 each", renewed, failed)
		}
	})
}
