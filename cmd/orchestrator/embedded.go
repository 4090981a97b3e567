package main

import (
	"context"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// tick is how often the embedded server's keys grow older. Its own way of doing so looks at every key for every command.
const tick = 50 * time.Millisecond

// embedded is a Redis in this process, on a free port of the loopback interface. It keeps nothing and proves nothing: it lets
// people try the fleet without a server.
type embedded struct{ server *miniredis.Miniredis }

// startEmbedded starts the server; its keys do not expire until run is called. close ends it.
func startEmbedded() (*embedded, error) {
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		return nil, fmt.Errorf("start the embedded Redis: %w", err)
	}
	return &embedded{m}, nil
}

func (e *embedded) addr() string { return e.server.Addr() }

// run makes keys expire as time passes, until ctx ends.
func (e *embedded) run(ctx context.Context) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			now := time.Now()
			e.server.FastForward(now.Sub(last))
			last = now
		}
	}
}

func (e *embedded) close() { e.server.Close() }
