package redisx

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// Many callers at once share few connections, and each is told its own result.
func TestCallersShareConnections(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	c := open(t, Options{Seeds: server.Addrs()})
	const callers = 200
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			key := fmt.Sprint("counter-", i)
			for n := range 20 {
				call := &Call{Script: incr, Keys: []string{key}, Args: []any{1}}
				c.RunAll(t.Context(), call)
				if call.Err != nil || call.Reply != fmt.Sprint(n+1) {
					t.Errorf("%s: %v, %v, want %d", key, call.Reply, call.Err, n+1)
					return
				}
				var got *redis.StringCmd
				err := c.Read(t.Context(), func(p redis.Pipeliner) { got = p.Get(t.Context(), key) })
				if err != nil || got.Val() != fmt.Sprint(n+1) {
					t.Errorf("%s: %q, %v, want %d", key, got.Val(), err, n+1)
					return
				}
			}
		})
	}
	all.Wait()
	if n := c.rdb.PoolStats().TotalConns; n > laneWidth+1 { // and one for Run
		t.Errorf("%d callers took %d connections, want at most %d", callers, n, laneWidth+1)
	}
}

// While a server is silent, a caller whose time is over before its turn comes leaves nothing behind; the others are served when it is back.
func TestACallerWhoseTurnNeverComesTakesItsCallBack(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	c := open(t, Options{Seeds: server.Addrs()})
	server.Node().Pause(t)
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for i := range 4 * laneWidth {
		all.Go(func() {
			call := &Call{Script: incr, Keys: []string{fmt.Sprint("silent-", i)}, Args: []any{1}}
			c.RunAll(short, call)
			var unavailable *session.UnavailableError
			if !errors.As(call.Err, &unavailable) {
				t.Errorf("a silent server: %v, %v", call.Reply, call.Err)
			}
		})
	}
	all.Wait()
	server.Node().Resume(t)
	for i := range laneWidth + 1 {
		eventually(t, "it serves again", func() bool {
			call := &Call{Script: incr, Keys: []string{fmt.Sprint("again-", i)}, Args: []any{1}}
			c.RunAll(t.Context(), call)
			return call.Err == nil
		})
	}
}
