package sessionstore

import (
	"context"
	"sync"
	"time"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

const (
	mostBehind = 1024            // fast changes of one node that home need not have yet; past it they are acknowledged as all others are
	behindTime = 5 * time.Second // for what is left of one; past it the next who resolves the session finishes it
)

// fast reports whether the change that made the record of base may be acknowledged before home has it. What gives a session to somebody, or ends
// it, may not.
func (r Record) fast(base Record) bool {
	return base.Durability == session.Fast && r.Stamp.Epoch == base.Stamp.Epoch && !r.Tombstone
}

// applyFast is apply for one step that is acknowledged when its first place, a copy, has it. The others follow in the same order. So a fast
// change is ordered like any other, by its first copy, and differs in nothing but what a rollback of that copy's master may lose: this change,
// until home has it. Nobody builds on it before that: a change is made from what home holds, or a resolve has written there.
func (s *Store) applyFast(ctx context.Context, st *step) {
	if s.write(ctx, 0, []*step{st}); st.failed() || len(st.writes) == 1 {
		return
	}
	rest := *st
	rest.must = true // it is acknowledged: it goes through although Redis is full
	if !s.leave(ctx, &rest, func(ctx context.Context) { s.applyRest(ctx, &rest) }) {
		s.applyRest(ctx, st)
	}
}

// applyRest is what apply does after the first round.
func (s *Store) applyRest(ctx context.Context, st *step) {
	for round := 1; s.write(ctx, round, []*step{st}); round++ {
	}
	s.cache.forget(st.place.session) // what was read meanwhile is of before
}

// Behind returns of how many fast changes home has still to be told, and how many were left to whoever resolves their sessions next.
func (s *Store) Behind() (open int, left uint64) {
	b := s.behind
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open), b.left
}

// OnLag has f told, for each fast change, how long home took to have it from its acknowledgement on. It must be called before the first change.
func (s *Store) OnLag(f func(time.Duration)) { s.behind.lag = f }

// Settle waits until home has what this node acknowledged fast, or ctx ends.
func (s *Store) Settle(ctx context.Context) error {
	for _, done := range s.behind.all() {
		if err := await(ctx, done); err != nil {
			return err
		}
	}
	return nil
}

// behind knows the fast changes of this node that home does not have yet, one of a session at most. It is safe for concurrent use.
type behind struct {
	mu   sync.Mutex
	open map[session.ID]chan struct{} // closed when it is over
	left uint64                       // ended before home had them
	most int
	lag  func(time.Duration)
}

func newBehind() *behind {
	return &behind{open: map[session.ID]chan struct{}{}, most: mostBehind, lag: func(time.Duration) {}}
}

// start has finish run beside the caller. False: it is the caller's to do, for the session has such a change already, or the node too many.
func (b *behind) start(ctx context.Context, rest *step, finish func(context.Context)) bool {
	id, done := rest.place.session, make(chan struct{})
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, busy := b.open[id]; busy || len(b.open) >= b.most {
		return false
	}
	b.open[id] = done
	began := time.Now()
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), behindTime)
		defer cancel()
		finish(ctx)
		if b.end(id, rest.failed()); !rest.failed() {
			b.lag(time.Since(began))
		}
		close(done)
	}()
	return true
}

func (b *behind) end(id session.ID, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, id)
	if failed {
		b.left++
	}
}

// wait returns when home has what was acknowledged fast here of a session, or that was given up: to go on before costs a refusal and a resolve.
func (b *behind) wait(ctx context.Context, id session.ID) error {
	b.mu.Lock()
	done := b.open[id]
	b.mu.Unlock()
	if done == nil {
		return nil
	}
	return await(ctx, done)
}

func (b *behind) all() (all []chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, done := range b.open {
		all = append(all, done)
	}
	return all
}

func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return redisx.Wrap(ctx.Err())
	}
}
