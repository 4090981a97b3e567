package redistest

import (
	"context"
	"fmt"
	"time"
)

// poll asks until the answer is yes, an error comes or the limit is over. It
// asks at once first.
func poll(ctx context.Context, limit time.Duration, ask func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		yes, err := ask(ctx)
		if yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", limit, ctx.Err())
		case <-tick.C:
		}
	}
}
