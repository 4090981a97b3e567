package groupcommit

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Whoever comes while the width is taken is served together with all who wait, in the order of their coming, and never twice.
func TestThoseWhoWaitAreServedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var batches [][]int
		g := New(1, 3, nil, func(_ context.Context, items []int) {
			time.Sleep(time.Second)
			mu.Lock()
			batches = append(batches, items)
			mu.Unlock()
		})
		for i := range 6 {
			go func() { _ = g.Do(t.Context(), i) }()
			synctest.Wait()
		}
		time.Sleep(10 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		want := [][]int{{0}, {1, 2, 3}, {4, 5}}
		if len(batches) != len(want) {
			t.Fatalf("%v, want %v", batches, want)
		}
		for i := range want {
			if len(batches[i]) != len(want[i]) || batches[i][0] != want[i][0] {
				t.Fatalf("%v, want %v", batches, want)
			}
		}
	})
}

// A batch takes in order what it can carry, and what is too heavy for any goes alone.
func TestWeight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var batches [][]int
		g := New(1, 10, func(item int) int { return item }, func(_ context.Context, items []int) {
			time.Sleep(time.Second)
			batches = append(batches, items)
		})
		var callers sync.WaitGroup
		for _, item := range []int{1, 6, 4, 1, 25, 2, 3} {
			callers.Go(func() { _ = g.Do(t.Context(), item) })
			synctest.Wait()
		}
		callers.Wait()
		if want := [][]int{{1}, {6, 4}, {1}, {25}, {2, 3}}; !slices.EqualFunc(batches, want, slices.Equal) {
			t.Errorf("%v, want %v", batches, want)
		}
	})
}

// The width bounds how many batches are served at once, and all of it is used.
func TestWidth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		g := New(2, 2, nil, func(context.Context, []int) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Millisecond)
			now.Add(-1)
		})
		var callers sync.WaitGroup
		for i := range 20 {
			callers.Go(func() {
				for range 10 {
					if err := g.Do(t.Context(), i); err != nil {
						t.Error(err)
					}
				}
			})
		}
		callers.Wait()
		if most.Load() != 2 {
			t.Errorf("%d batches at once, want 2", most.Load())
		}
	})
}

// A caller who gives up in the queue is not served; one whose item was begun learns how it ended.
func TestGivingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var served []string
		g := New(1, 9, nil, func(_ context.Context, items []string) {
			time.Sleep(time.Second)
			served = append(served, items...)
		})
		var callers sync.WaitGroup
		try := func(item string, patience time.Duration, want error) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			callers.Go(func() {
				defer cancel()
				if err := g.Do(ctx, item); !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", item, err, want)
				}
			})
			synctest.Wait()
		}
		try("alone", 10*time.Millisecond, nil)
		try("gives up", 20*time.Millisecond, context.DeadlineExceeded)
		try("begun", 1500*time.Millisecond, nil)
		try("patient", time.Minute, nil)
		callers.Wait()
		if len(served) != 3 {
			t.Errorf("served %v", served)
		}
	})
}

// Of a batch, the context ends with the last of its callers' deadlines; one that is alone has its caller's own.
func TestContextOfABatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, ends := time.Now(), []time.Duration(nil)
		g := New(1, 9, nil, func(ctx context.Context, _ []int) {
			deadline, _ := ctx.Deadline()
			ends = append(ends, deadline.Sub(start))
			time.Sleep(time.Second)
		})
		var callers sync.WaitGroup
		for _, patience := range []time.Duration{5 * time.Second, 7 * time.Second, 9 * time.Second, 8 * time.Second} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			callers.Go(func() { defer cancel(); _ = g.Do(ctx, 0) })
			synctest.Wait()
		}
		callers.Wait()
		if len(ends) != 2 || ends[0] != 5*time.Second || ends[1] != 9*time.Second {
			t.Errorf("%v", ends)
		}
	})
}
