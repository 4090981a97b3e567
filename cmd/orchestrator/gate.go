package main

import (
	"context"
	"sync/atomic"

	"orchestrator/internal/httpapi"
	"orchestrator/internal/session"
)

// gate stands before a node's own readiness checks: once shut, the node says that it is leaving.
type gate struct {
	httpapi.Health
	closed atomic.Bool
}

func (g *gate) shut() { g.closed.Store(true) }

// Ready adds the check "serving" to the node's own.
func (g *gate) Ready(ctx context.Context) []session.Check {
	serving := session.Check{Name: "serving"}
	if g.closed.Load() {
		serving.Err = session.ErrDraining
	}
	return append([]session.Check{serving}, g.Health.Ready(ctx)...)
}
