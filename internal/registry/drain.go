package registry

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed drain.lua
var drainOnly string

var (
	drainSource = telling(drainOnly)
	drainScript = redisx.NewScript("drain", drainSource)
)

// Drain makes any registered node draining, to be done within the given time from now, and returns it as it stands afterwards, with
// Drain filled. Of a node that is draining already it changes the deadline alone. SetState undoes it: ready and cordoned end a drain.
// It returns session.ErrNodeNotFound, or a *session.InvalidError for a negative time.
func (r *Registry) Drain(ctx context.Context, id session.NodeID, within time.Duration) (session.Node, error) {
	if within < 0 {
		return session.Node{}, session.Invalid("deadline", fmt.Sprintf("is %s, must not be negative", within))
	}
	now := r.redis.Now()
	keys := []string{r.keys.Nodes(), r.keys.Node(id), r.keys.Load(), r.keys.FleetEvents()}
	reply, err := r.redis.Run(ctx, drainScript, keys, string(id), timeText(now), timeText(now.Add(within)),
		string(r.cfg.Self.Node))
	return r.stateSet(ctx, id, session.Draining, reply, err)
}
