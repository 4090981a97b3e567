// Package groupcommit serves together what concurrent callers bring one by one: who comes while others are served waits, and is served with
// everybody else who waits. Nobody waits for company: a caller who finds room is served at once and alone (DeWitt et al.,
// "Implementation Techniques for Main Memory Database Systems", 1984, call it group commit).
package groupcommit

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Group serves items of concurrent callers. It is safe for concurrent use, and has no goroutine while nobody calls.
type Group[T any] struct {
	serve       func(ctx context.Context, items []T)
	weigh       func(item T) int
	width, most int

	mu      sync.Mutex
	serving int
	waiting []*caller[T]
}

// caller is somebody who waits for an item to be served.
type caller[T any] struct {
	ctx  context.Context //nolint:containedctx // it ends with the call
	item T
	done chan struct{}
}

// New returns a group that serves up to width batches at once. The items of a batch weigh no more than most together; one that weighs more
// by itself is served alone. weigh may be nil: each item weighs one. serve leaves outcomes in the items; it should end soon after its context
// does.
func New[T any](width, most int, weigh func(item T) int, serve func(ctx context.Context, items []T)) *Group[T] {
	if weigh == nil {
		weigh = func(T) int { return 1 }
	}
	return &Group[T]{serve: serve, weigh: weigh, width: max(width, 1), most: max(most, 1)}
}

// Do has an item served. An error is ctx's: the item was not begun and never will be. An item that was begun is waited for, with the
// context of its caller where it is alone, and else with one that ends when the last of the callers' deadlines has passed.
func (g *Group[T]) Do(ctx context.Context, item T) error {
	g.mu.Lock()
	if g.serving < g.width {
		g.serving++
		g.mu.Unlock()
		defer g.passOn()
		g.serve(ctx, []T{item})
		return nil
	}
	c := &caller[T]{ctx, item, make(chan struct{})}
	g.waiting = append(g.waiting, c)
	g.mu.Unlock()
	select {
	case <-c.done:
	case <-ctx.Done():
		if g.withdraw(c) {
			return ctx.Err()
		}
		<-c.done
	}
	return nil
}

// withdraw takes a caller out of the queue; false means that the item has been begun.
func (g *Group[T]) withdraw(c *caller[T]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, c)
	if i < 0 {
		return false
	}
	g.waiting = slices.Delete(g.waiting, i, i+1)
	return true
}

// passOn gives the room of a batch that is done to those who wait.
func (g *Group[T]) passOn() {
	if batch := g.next(); len(batch) > 0 {
		go g.carry(batch)
	}
}

// carry serves batches until nobody waits.
func (g *Group[T]) carry(batch []*caller[T]) {
	for ; len(batch) > 0; batch = g.next() {
		items := make([]T, len(batch))
		for i, c := range batch {
			items[i] = c.item
		}
		ctx, cancel := together(batch)
		g.serve(ctx, items)
		cancel()
		for _, c := range batch {
			close(c.done)
		}
	}
}

// next takes those who wait out of the queue; if there is nobody, the room is free.
func (g *Group[T]) next() []*caller[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.serving--
		return nil
	}
	n := 1
	for weight := g.weigh(g.waiting[0].item); n < len(g.waiting); n++ {
		if weight += g.weigh(g.waiting[n].item); weight > g.most {
			break
		}
	}
	batch := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return batch
}

// together is the context of a batch: its callers' own where there is one, else one that ends with the last of their deadlines.
func together[T any](batch []*caller[T]) (context.Context, context.CancelFunc) {
	if len(batch) == 1 {
		return batch[0].ctx, func() {}
	}
	var last time.Time
	for _, c := range batch {
		deadline, limited := c.ctx.Deadline()
		if !limited {
			return context.WithCancel(context.Background())
		}
		if deadline.After(last) {
			last = deadline
		}
	}
	return context.WithDeadline(context.Background(), last)
}
