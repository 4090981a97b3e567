package balancer

import (
	"context"
	_ "embed"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed correct.lua
var correctSource string

var correctScript = redisx.NewScript("correct", correctSource)

// Correct sets a node's live count to count (sessions owned, and for each attempt under way at most one more), counted after a
// Snapshot whose Moves is movesSeen. It does nothing, and returns false, if the count has changed since, or the node has none.
// It returns a *session.UnavailableError where Redis does not answer.
func (b *Balancer) Correct(ctx context.Context, node session.NodeID, movesSeen int64, count int) (bool, error) {
	reply, err := b.redis.Run(ctx, correctScript, []string{b.keys.Load(), b.keys.Moves()}, string(node), movesSeen, count)
	return reply == int64(1), err
}
