package registry

import (
	"context"
	"fmt"
	"strconv"

	"orchestrator/internal/redisx"
)

// runStrings runs a script whose reply is a non-empty array, and returns it as text.
func (r *Registry) runStrings(ctx context.Context, s *redisx.Script, keys []string, args ...any) ([]string, error) {
	reply, err := r.redis.Run(ctx, s, keys, args...)
	if err != nil {
		return nil, err
	}
	list, _ := reply.([]any)
	if len(list) == 0 {
		return nil, unexpected(s, reply)
	}
	out := make([]string, len(list))
	for i, v := range list {
		switch v := v.(type) {
		case string:
			out[i] = v
		case int64:
			out[i] = strconv.FormatInt(v, 10)
		}
	}
	return out, nil
}

func unexpected(s *redisx.Script, reply any) error {
	return redisx.Unavailable(fmt.Sprintf("script %s answered %q", s.Name(), fmt.Sprint(reply)), nil)
}
