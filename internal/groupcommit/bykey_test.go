package groupcommit

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What comes under one key waits for what is served under it, and for nothing else; and nothing is kept of keys that nobody calls under.
func TestKeysAreServedApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		served, began := map[string][][]int{}, time.Now()
		g := NewByKey(2, nil, func(_ context.Context, key string, items []int) {
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			served[key] = append(served[key], items)
		})
		var callers sync.WaitGroup
		for i, key := range []string{"a", "b", "a", "a", "b", "a"} {
			callers.Go(func() { _ = g.Do(t.Context(), key, i) })
			synctest.Wait()
		}
		callers.Wait()
		want := map[string][][]int{"a": {{0}, {2, 3}, {5}}, "b": {{1}, {4}}}
		if !maps.EqualFunc(served, want, func(x, y [][]int) bool { return slices.EqualFunc(x, y, slices.Equal) }) {
			t.Errorf("%v, want %v", served, want)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %s", took)
		}
		if len(g.groups) != 0 {
			t.Errorf("%d groups are kept", len(g.groups))
		}
	})
}

// Who gives up while others are served leaves nothing behind, either.
func TestAKeyIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := NewByKey(2, nil, func(context.Context, string, []int) { time.Sleep(time.Second) })
		var callers sync.WaitGroup
		callers.Go(func() { _ = g.Do(t.Context(), "a", 1) })
		synctest.Wait()
		short, end := context.WithTimeout(t.Context(), time.Millisecond)
		defer end()
		if err := g.Do(short, "a", 2); err == nil {
			t.Error("it was served")
		}
		callers.Wait()
		if len(g.groups) != 0 {
			t.Errorf("%d groups are kept", len(g.groups))
		}
	})
}
