package redisx

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// clockKey lies in the slot of the fleet's own keys: its master's clock is the one that registrations and deadlines are judged by.
const clockKey = "{fleet}"

// slowSample is the round trip beyond which a look at Redis's clock is too vague to replace an earlier one.
const slowSample = 200 * time.Millisecond

// moment is Redis's time at one look, and when that was on this process's monotonic clock.
type moment struct{ redis, local time.Time }

// Now returns Redis's time as far as this process can tell: the last look, and what has passed since on the monotonic clock. A
// step of this machine's wall clock does not move it.
func (c *Client) Now() time.Time {
	m := c.clock.Load()
	if m == nil {
		return time.Now().UTC()
	}
	return m.redis.Add(time.Since(m.local)).UTC()
}

// setClock looks at Redis's clock.
func (c *Client) setClock(ctx context.Context) error {
	server, err := c.clockServer(ctx)
	if err != nil {
		return err
	}
	sent := time.Now()
	now, err := server.Time(ctx).Result()
	if err != nil {
		return err
	}
	trip := time.Since(sent)
	if trip > slowSample && c.clock.Load() != nil {
		return nil
	}
	c.clock.Store(&moment{now, sent.Add(trip / 2)})
	return nil
}

func (c *Client) clockServer(ctx context.Context) (*redis.Client, error) {
	if c.cluster != nil {
		return c.cluster.MasterForKey(ctx, clockKey)
	}
	return c.rdb.(*redis.Client), nil
}
