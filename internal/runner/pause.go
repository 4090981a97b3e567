package runner

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff is how long to wait before another try: twice as long each time, up to most, and up to half of it left out by chance, so that
// what failed together does not come back together.
type backoff struct{ first, most, last time.Duration }

func (b *backoff) next() time.Duration {
	b.last = min(max(2*b.last, b.first), b.most)
	return b.last - rand.N(b.last/2+1)
}

func (b *backoff) reset() { b.last = 0 }

// wait reports whether d has passed before ctx has ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
