package registry

import (
	"context"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// Certified reports whether a holder's death, or its leaving, is certified: it is over and done with, and comes back no more. It returns a
// *session.UnavailableError where Redis does not answer.
func (r *Registry) Certified(ctx context.Context, h session.Holder) (bool, error) {
	var cmd *redis.BoolCmd
	err := r.redis.Read(ctx, func(p redis.Pipeliner) { cmd = p.HExists(ctx, r.keys.Recovery(h), "finished") })
	if err != nil {
		return false, err
	}
	return cmd.Val(), nil
}
