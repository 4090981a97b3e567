package lease

import (
	"context"
	"fmt"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// takes is how often Take asks when the lease was held at the asking and free at the looking.
const takes = 3

// Take takes the session's lease for a holder at an epoch; a lease that is the same holder's at the same epoch already is
// renewed. It returns a *session.HeldError when somebody else holds it, a *session.CorruptError when the key holds something
// else, and a *session.UnavailableError when Redis did not answer: the lease may have been taken then, and runs out by itself.
func (m *Manager) Take(ctx context.Context, id session.ID, h session.Holder, epoch uint64) (*Lease, error) {
	l := m.lease(id, h, epoch)
	for range takes {
		err := l.mutex.TryLockContext(ctx)
		if err == nil {
			return l, nil
		}
		if unreachable(err) {
			return nil, unavailable(ctx, "take", err)
		}
		if err := m.heldBy(ctx, id); err != nil {
			return nil, err
		}
	}
	return nil, redisx.Unavailable(fmt.Sprintf("the lease of %s changes hands too fast", id), nil)
}

// heldBy says who holds a lease that was refused, or nothing if it is free by now.
func (m *Manager) heldBy(ctx context.Context, id session.ID) error {
	holder, epoch, left, err := m.Get(ctx, id)
	if err != nil || holder == (session.Holder{}) {
		return err
	}
	return &session.HeldError{Holder: holder, Epoch: epoch, For: left}
}
