package peer

import (
	"context"
	"fmt"
	"time"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
)

// redsyncStore is the store that many teams write by hand: a redsync lock on the session, and under it the record if there is none,
// its copy, the owner's count and the lease. What follows the record is one call each, or one pipeline. Nothing here survives a
// process that dies in the middle of it, or a lock that ends too early.
type redsyncStore struct {
	client    *redis.Client
	locks     *redsync.Redsync
	names     names
	lease     time.Duration
	pipelined bool
}

func redsyncOpener(pipelined bool) func(context.Context, Settings) (Store, error) {
	return func(ctx context.Context, s Settings) (Store, error) {
		client, err := dial(ctx, s.Addr)
		if err != nil {
			return nil, fmt.Errorf("redsync: %w", err)
		}
		return &redsyncStore{client: client, locks: redsync.New(goredis.NewPool(client)), names: names{s.Prefix}, lease: s.Lease,
			pipelined: pipelined}, nil
	}
}

// locked calls do under the session's lock.
func (r *redsyncStore) locked(ctx context.Context, id string, do func() error) error {
	lock := r.locks.NewMutex(r.names.lock(id))
	if err := lock.LockContext(ctx); err != nil {
		return err
	}
	err := do()
	if _, unlocked := lock.UnlockContext(ctx); err == nil {
		err = unlocked
	}
	return err
}

// each runs commands one after the other, or as one pipeline.
func (r *redsyncStore) each(ctx context.Context, commands ...func(redis.Cmdable) error) error {
	if !r.pipelined {
		for _, command := range commands {
			if err := command(r.client); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, command := range commands {
			if err := command(p); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func (r *redsyncStore) set(ctx context.Context, key string, value any, ttl time.Duration) func(redis.Cmdable) error {
	return func(c redis.Cmdable) error { return c.Set(ctx, key, value, ttl).Err() }
}

func (r *redsyncStore) count(ctx context.Context, owner string, by float64) func(redis.Cmdable) error {
	return func(c redis.Cmdable) error { return c.ZIncrBy(ctx, r.names.load(), by, owner).Err() }
}

func (r *redsyncStore) Create(ctx context.Context, s Session) error {
	return r.locked(ctx, s.ID, func() error {
		made, err := r.client.SetNX(ctx, r.names.record(s.ID), s.Body, 0).Result()
		if err != nil {
			return err
		}
		if !made {
			return ErrExists
		}
		return r.each(ctx, r.set(ctx, r.names.copied(s.ID), s.Body, 0), r.count(ctx, s.Owner, 1),
			r.set(ctx, r.names.lease(s.ID), s.Owner, r.lease))
	})
}

func (r *redsyncStore) Read(ctx context.Context, id string) (Session, error) {
	values, err := r.client.MGet(ctx, r.names.record(id), r.names.lease(id)).Result()
	if err != nil {
		return Session{}, err
	}
	body, ok := values[0].(string)
	if !ok {
		return Session{}, ErrNotFound
	}
	owner, _ := values[1].(string)
	return Session{ID: id, Body: []byte(body), Owner: owner}, nil
}

func (r *redsyncStore) TakeOver(ctx context.Context, id, from, to string) error {
	return r.locked(ctx, id, func() error {
		owner, err := r.client.Get(ctx, r.names.lease(id)).Result()
		if err != nil {
			return found(err)
		}
		if owner != from {
			return ErrNotOwner
		}
		return r.each(ctx, r.set(ctx, r.names.lease(id), to, r.lease), r.count(ctx, from, -1), r.count(ctx, to, 1))
	})
}

// Renew does not look whose lease it is, as few such stores do.
func (r *redsyncStore) Renew(ctx context.Context, id, _ string) error {
	renewed, err := r.client.PExpire(ctx, r.names.lease(id), r.lease).Result()
	if err == nil && !renewed {
		err = ErrNotOwner
	}
	return err
}

func (r *redsyncStore) Close() error { return r.client.Close() }
