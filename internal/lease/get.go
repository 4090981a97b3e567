package lease

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// Get returns who holds the session's lease, at which epoch, and how long it still runs (0 where it has no end). A free lease
// has the zero holder. It returns a *session.CorruptError when the key holds something else than a lease.
func (m *Manager) Get(ctx context.Context, id session.ID) (h session.Holder, epoch uint64, left time.Duration, err error) {
	key := m.keys.Lease(id)
	var value *redis.StringCmd
	var ttl *redis.DurationCmd
	err = m.redis.Read(ctx, func(p redis.Pipeliner) {
		value, ttl = p.Get(ctx, key), p.PTTL(ctx, key)
	})
	switch {
	case err != nil:
		return session.Holder{}, 0, 0, err
	case errors.Is(value.Err(), redis.Nil):
		return session.Holder{}, 0, 0, nil
	case value.Err() != nil:
		return session.Holder{}, 0, 0, &session.CorruptError{Key: key, Reason: value.Err().Error()}
	}
	h, epoch, err = m.parse(id, value.Val())
	return h, epoch, max(ttl.Val(), 0), err
}

func (m *Manager) parse(id session.ID, value string) (session.Holder, uint64, error) {
	h, epoch, err := session.ParseLease(value)
	if err != nil {
		return session.Holder{}, 0, &session.CorruptError{Key: m.keys.Lease(id), Reason: err.Error()}
	}
	return h, epoch, nil
}
