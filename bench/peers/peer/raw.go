package peer

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// rawStore is the floor: one plain SET for a session, no condition, no owner, no lease. Callers' commands share pipelines.
type rawStore struct {
	client *redis.Client
	pipe   *redis.AutoPipeliner
	names  names
}

func openRaw(ctx context.Context, s Settings) (Store, error) {
	client, err := dial(ctx, s.Addr)
	if err != nil {
		return nil, fmt.Errorf("raw: %w", err)
	}
	pipe, err := client.AutoPipeline()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("raw: %w", err), client.Close())
	}
	return &rawStore{client: client, pipe: pipe, names: names{s.Prefix}}, nil
}

func (r *rawStore) Create(ctx context.Context, s Session) error {
	return r.pipe.Set(ctx, r.names.record(s.ID), s.Body, 0).Err()
}

func (r *rawStore) Read(ctx context.Context, id string) (Session, error) {
	body, err := r.pipe.Get(ctx, r.names.record(id)).Bytes()
	return Session{ID: id, Body: body}, found(err)
}

func (r *rawStore) Close() error { return errors.Join(r.pipe.Close(), r.client.Close()) }
