package balancer

import (
	"context"
	_ "embed"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed forget.lua
var forgetSource string

var forgetScript = redisx.NewScript("forget", forgetSource)

// Forget removes the count, the moves and the attempts of a node that has left or was recovered. It leaves a registered node
// alone and returns false. It returns a *session.UnavailableError where Redis does not answer; forgetting again is safe.
func (b *Balancer) Forget(ctx context.Context, node session.NodeID) (bool, error) {
	k := b.keys
	keys := []string{k.Load(), k.Reservations(), k.Moves(), k.Reserved(node), k.Node(node)}
	for {
		reply, err := b.redis.Run(ctx, forgetScript, keys, string(node), callLimit)
		switch remain, ok := reply.(int64); {
		case err != nil:
			return false, err
		case !ok:
			return false, unexpected(forgetScript, reply)
		case remain <= 0:
			return remain == 0, nil
		}
	}
}
