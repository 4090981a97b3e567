package registry

import (
	"context"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// Certified reports whether a holder's death, or its leaving, is certified: it is over and done with, and comes back no more. It returns a
// *session.UnavailableError where Redis does not answer.
func (r *Registry) Certified(ctx context.Context, h session.Holder) (bool, error) {
	var finished *redis.StringCmd
	err := r.redis.Read(ctx, func(p redis.Pipeliner) { finished = p.HGet(ctx, r.keys.Recovery(h), "finished") })
	if err != nil {
		return false, err
	}
	return finished.Val() != "", nil
}
