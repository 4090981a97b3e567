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
	manager *Manager
	id      session.ID
	holder  session.Holder
	epoch   uint64

	mu      sync.Mutex
	mutex   *redsync.Mutex
	trusted time.Time
}

func (m *Manager) lease(id session.ID, h session.Holder, epoch uint64) *Lease {
	return &Lease{manager: m, id: id, holder: h, epoch: epoch, mutex: m.mutex(id, session.LeaseValue(h, epoch))}
}

// Session returns whose lease it is.
func (l *Lease) Session() session.ID { return l.id }

// Holder returns who took it.
func (l *Lease) Holder() session.Holder { return l.holder }

// Epoch returns the epoch it was taken for.
func (l *Lease) Epoch() uint64 { return l.epoch }

// TrustedUntil returns when the holder must stop trusting the lease unless it was extended: its time to live, counted on this
// process's monotonic clock from before it was asked for, less a tenth.
func (l *Lease) TrustedUntil() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trusted
}

// Extend gives the lease its full time to live again. session.ErrLeaseLost means that Redis said it is not this holder's any
// more: stop acting. A *session.UnavailableError says nothing about the lease: it is to be trusted until TrustedUntil.
func (l *Lease) Extend(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	// redsync's Extend has no limit of its own; what comes later than the lease runs is of no use.
	ctx, cancel := context.WithTimeout(ctx, l.manager.cfg.TTL)
	defer cancel()
	sent := time.Now()
	ok, err := l.mutex.ExtendContext(ctx)
	switch {
	case ok:
		l.trusted = l.manager.trustedUntil(sent)
		return nil
	case unreachable(err):
		return unavailable(ctx, "extend", err)
	}
	return fmt.Errorf("extend the lease of %s: %w", l.id, session.ErrLeaseLost)
}

// Release gives the lease up, even when ctx has ended. A lease that has run out is as good as released; one that is another
// holder's is left alone and answered with session.ErrLeaseLost.
func (l *Lease) Release(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	l.trusted = time.Time{}
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
	return failed || errors.Is(err, redsync.ErrExtendFailed)
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
