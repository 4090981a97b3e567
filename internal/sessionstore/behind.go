package sessionstore

import (
	"context"
	"sync"
	"time"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

const (
	mostBehind = 256             // fast changes of one node that home need not have yet; past it they are acknowledged as all others are
	behindTime = 5 * time.Second // for what is left of one; past it the next who resolves the session finishes it
)

// behind knows the fast changes of this node that home does not have yet, one of a session at most. It is safe for concurrent use.
type behind struct {
	most int
	lag  func(time.Duration)

	mu     sync.Mutex
	open   map[session.ID]chan struct{} // closed when it is over
	left   uint64                       // given up before home had them
	astray map[int]bool                 // partitions whose last change could not be brought home: nothing more is acknowledged early there
}

func newBehind() *behind {
	return &behind{open: map[session.ID]chan struct{}{}, astray: map[int]bool{}, most: mostBehind, lag: func(time.Duration) {}}
}

// start has bring run beside the caller. False: the rest is the caller's to do, for the session has such a change already, or the node too
// many, or what was left of the partition before could not be brought home.
func (b *behind) start(ctx context.Context, rest *step, bring func(context.Context)) bool {
	id, over := rest.place.session, make(chan struct{})
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, busy := b.open[id]; busy || len(b.open) >= b.most || b.astray[rest.place.partition] {
		return false
	}
	b.open[id] = over
	began := time.Now()
	go func() {
		defer close(over)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), behindTime)
		defer cancel()
		if bring(ctx); !rest.failed() {
			b.lag(time.Since(began))
		}
		b.end(rest)
	}()
	return true
}

// end is that of what start began.
func (b *behind) end(rest *step) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, rest.place.session)
	if rest.failed() {
		b.left++
	}
	b.note(rest)
}

// came notes how the rest of a change ended that its caller did.
func (b *behind) came(rest *step) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note(rest)
}

func (b *behind) note(rest *step) {
	if rest.err != nil && !isRefusal(rest.err) {
		b.astray[rest.place.partition] = true
	} else {
		delete(b.astray, rest.place.partition)
	}
}

// wait returns when home has what was acknowledged fast here of a session, or that was given up: to go on before costs a refusal and a resolve.
func (b *behind) wait(ctx context.Context, id session.ID) error {
	b.mu.Lock()
	over := b.open[id]
	b.mu.Unlock()
	if over == nil {
		return nil
	}
	return await(ctx, over)
}

func (b *behind) count() (open int, left uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open), b.left
}

func (b *behind) all() (all []chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, over := range b.open {
		all = append(all, over)
	}
	return all
}

func await(ctx context.Context, over <-chan struct{}) error {
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return redisx.Wrap(ctx.Err())
	}
}
