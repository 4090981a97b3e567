package redisx

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// forgetAfter is how long the breaker of a server that is no part of the cluster any more is kept after its last use.
const forgetAfter = time.Minute

// breakers are the breakers of all servers, by address.
type breakers struct {
	log *slog.Logger
	all sync.Map // string -> *breaker
}

// of returns the breaker of a server.
func (bs *breakers) of(addr string) *breaker {
	if b, ok := bs.all.Load(addr); ok {
		return b.(*breaker)
	}
	b, _ := bs.all.LoadOrStore(addr, newBreaker(addr, bs.log))
	return b.(*breaker)
}

// forget drops the breakers of servers that are not named and have not been used for a while: addresses come and go with deployments.
func (bs *breakers) forget(named map[string]bool, now time.Time) {
	bs.all.Range(func(addr, b any) bool {
		if !named[addr.(string)] && now.Sub(time.Unix(0, b.(*breaker).used.Load())) > forgetAfter {
			bs.all.Delete(addr)
		}
		return true
	})
}

// Breakers tells how it stands with each server by its address: "closed" where calls go through, "open" where they fail at once,
// "half-open" where one call is let through to see whether the server answers again.
func (c *Client) Breakers() map[string]string {
	states := map[string]string{}
	c.breakers.all.Range(func(addr, b any) bool {
		states[addr.(string)] = b.(*breaker).circuit.State().String()
		return true
	})
	return states
}

// guarded is the hook that puts one server's breaker before all calls to it.
type guarded struct {
	breakers *breakers
	addr     string
}

// ProcessHook guards single commands.
func (g guarded) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return g.breakers.of(g.addr).through(ctx, func(ctx context.Context) error { return next(ctx, cmd) })
	}
}

// ProcessPipelineHook guards pipelines. A pipeline that is refused leaves its error with each of its commands.
func (g guarded) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		sent := false
		err := g.breakers.of(g.addr).through(ctx, func(ctx context.Context) error {
			sent = true
			return next(ctx, cmds)
		})
		if !sent {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
		}
		return err
	}
}

// DialHook lets all connections be made. A dial is judged with the call that waits for it; the few that a pool makes by itself, one in a
// second when all have failed, are how the pool learns that the server is back.
func (guarded) DialHook(next redis.DialHook) redis.DialHook { return next }
