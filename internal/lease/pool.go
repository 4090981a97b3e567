package lease

import (
	"context"
	_ "embed"
	"time"

	redsyncredis "github.com/go-redsync/redsync/v4/redis"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"

	"orchestrator/internal/redisx"
)

//go:embed take.lua
var takeSource string

var takeScript = redisx.NewScript("take", takeSource)

// pool is redsync's own for go-redis, but for SetNX.
type pool struct {
	redsyncredis.Pool
	redis *redisx.Client
}

func newPool(c *redisx.Client) pool { return pool{goredis.NewPool(c.Redis()), c} }

// Get implements redsync's Pool.
func (p pool) Get(ctx context.Context) (redsyncredis.Conn, error) {
	c, err := p.Pool.Get(ctx)
	return conn{c, ctx, p.redis}, err
}

// conn carries one call of redsync, as redsync's own connections do: hence the context.
type conn struct {
	redsyncredis.Conn
	ctx   context.Context
	redis *redisx.Client
}

// SetNX sets the key if it is absent, or if it holds the value already. A plain SET NX whose reply was lost is sent again by
// go-redis and then takes its own first execution for somebody else's; redsync would answer "taken" and delete its own key.
func (c conn) SetNX(name, value string, expiry time.Duration) (bool, error) {
	reply, err := c.redis.Run(c.ctx, takeScript, []string{name}, value, expiry.Milliseconds())
	return reply == int64(1), err
}
