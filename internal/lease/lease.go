package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-redsync/redsync/v4"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// releaseLimit bounds a release, which goes on when its caller has given up.
const releaseLimit = 2 * time.Second

// Lease is a session's lease in the hands of its holder. It is safe for concurrent use: redsync's mutex is not, and is used
// under a lock.
type Lease struct {
	id session.ID

	mu    sync.Mutex
	mutex *redsync.Mutex
}

func (m *Manager) lease(id session.ID, h session.Holder, epoch uint64) *Lease {
	return &Lease{id: id, mutex: m.mutex(id, session.LeaseValue(h, epoch))}
}

// Release gives the lease up, even when ctx has ended. A lease that has run out is as good as released; one that is another
// holder's is left alone and answered with session.ErrLeaseLost.
func (l *Lease) Release(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	ok, err := l.mutex.UnlockContext(ctx)
	switch {
	case ok, errors.Is(err, redsync.ErrLockAlreadyExpired):
		return nil // run out, or deleted by an execution whose reply was lost
	case unreachable(err):
		return unavailable(ctx, "release", err)
	}
	return fmt.Errorf("release the lease of %s: %w", l.id, session.ErrLeaseLost)
}

// unreachable tells "Redis did not say" from "Redis said no".
func unreachable(err error) bool {
	_, failed := errors.AsType[*redsync.RedisError](err)
	return failed
}

func unavailable(ctx context.Context, what string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	if failed, ok := errors.AsType[*redsync.RedisError](err); ok {
		return redisx.Wrap(failed.Err)
	}
	return redisx.Unavailable("could not "+what+" the lease in time", err)
}
