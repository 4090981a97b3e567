package peer

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// names builds the keys of sessions on Redis.
type names struct{ prefix string }

func (n names) record(id string) string { return n.prefix + "record:" + id }
func (n names) copied(id string) string { return n.prefix + "copy:" + id }
func (n names) lease(id string) string  { return n.prefix + "lease:" + id }
func (n names) lock(id string) string   { return n.prefix + "lock:" + id }
func (n names) load() string            { return n.prefix + "load" }

// dial connects to a server and has it answer once. Everything but the address is go-redis's default.
func dial(ctx context.Context, addr string) (*redis.Client, error) {
	client := redis.NewClient(&redis.Options{Addr: addr})
	if err := client.Ping(ctx).Err(); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return client, nil
}

// found turns a missing key into ErrNotFound.
func found(err error) error {
	if errors.Is(err, redis.Nil) {
		return ErrNotFound
	}
	return err
}

// Forget removes every key under the prefix, page by page: the server is somebody else's.
func Forget(ctx context.Context, addr, prefix string) error {
	client, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	for cursor, first := uint64(0), true; err == nil && (first || cursor != 0); first = false {
		var keys []string
		keys, cursor, err = client.Scan(ctx, cursor, prefix+"*", 1000).Result()
		if err == nil && len(keys) > 0 {
			err = client.Unlink(ctx, keys...).Err()
		}
	}
	return errors.Join(err, client.Close())
}
