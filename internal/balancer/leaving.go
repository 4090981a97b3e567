package balancer

import (
	"context"
	_ "embed"
	"slices"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed leaving.lua
var leavingSource string

var leavingScript = redisx.NewScript("leaving", leavingSource)

// Departure is one try to take one session off its node.
type Departure struct {
	Session session.ID
	Key     string // unique among all attempts
	Node    session.NodeID
}

// Leaving announces that sessions are about to leave their nodes, before a delete or a move. The counts stay until each is
// settled: as not kept when the session is gone. A departure that was announced before, or from a node that has no count, is
// left alone. It returns a *session.UnavailableError where Redis does not answer; announcing again is safe.
func (b *Balancer) Leaving(ctx context.Context, departures ...Departure) error {
	for batch := range slices.Chunk(departures, callLimit) {
		keys := []string{b.keys.Load(), b.keys.Reservations(), b.keys.Moves()}
		args := []any{b.cfg.Deadline.Milliseconds()}
		at := map[session.NodeID]int{}
		for _, d := range batch {
			if at[d.Node] == 0 {
				keys = append(keys, b.keys.Reserved(d.Node))
				at[d.Node] = len(keys)
			}
			args = append(args, d.Key, string(d.Session), string(d.Node), at[d.Node])
		}
		if _, err := b.redis.Run(ctx, leavingScript, keys, args...); err != nil {
			return err
		}
	}
	return nil
}
