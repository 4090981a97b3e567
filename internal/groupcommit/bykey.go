package groupcommit

import (
	"context"
	"sync"
)

// ByKey has a group for each key under which somebody calls: what comes under one key is served together, one batch after the other, and apart
// from what comes under others. It is safe for concurrent use, and keeps nothing of a key that nobody calls under.
type ByKey[K comparable, T any] struct {
	open func(key K) *Group[T]

	mu     sync.Mutex
	groups map[K]*called[T]
}

// called is a group, and how many call it.
type called[T any] struct {
	*Group[T]
	by int
}

// NewByKey returns groups as New makes them, of width one.
func NewByKey[K comparable, T any](most int, weigh func(item T) int, serve func(ctx context.Context, key K, items []T)) *ByKey[K, T] {
	open := func(key K) *Group[T] {
		return New(1, most, weigh, func(ctx context.Context, items []T) { serve(ctx, key, items) })
	}
	return &ByKey[K, T]{open: open, groups: map[K]*called[T]{}}
}

// Do has an item served under a key, as Group.Do does.
func (b *ByKey[K, T]) Do(ctx context.Context, key K, item T) error {
	g := b.enter(key)
	defer b.leave(key, g)
	return g.Do(ctx, item)
}

func (b *ByKey[K, T]) enter(key K) *called[T] {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.groups[key]
	if g == nil {
		g = &called[T]{Group: b.open(key)}
		b.groups[key] = g
	}
	g.by++
	return g
}

// leave forgets a group that nobody calls any more: nothing waits in it, and nothing is under way.
func (b *ByKey[K, T]) leave(key K, g *called[T]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g.by--; g.by == 0 {
		delete(b.groups, key)
	}
}
