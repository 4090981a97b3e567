package load

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// renewers is how many renewals are under way at once.
const renewers = 16

// Keeper renews leases as a node that owns sessions does: all that it holds, every third of the time that a lease lasts.
type Keeper struct {
	lease time.Duration
	renew func(ctx context.Context, i int) error

	mu   sync.Mutex
	held []int

	renewed, failed atomic.Int64
}

// NewKeeper returns a keeper that holds nothing. Renew renews the lease of the session with that index.
func NewKeeper(lease time.Duration, renew func(ctx context.Context, i int) error) *Keeper {
	return &Keeper{lease: lease, renew: renew}
}

// Hold adds a session whose lease was just made.
func (k *Keeper) Hold(i int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = append(k.held, i)
}

// Run renews until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(k.lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			k.round(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// round renews everything once.
func (k *Keeper) round(ctx context.Context) {
	k.mu.Lock()
	held := slices.Clone(k.held)
	k.mu.Unlock()
	r := Run(ctx, Plan{Callers: renewers, Operations: len(held)}, func(ctx context.Context, i int) error {
		return k.renew(ctx, held[i])
	})
	k.renewed.Add(int64(len(r.Done)))
	if ctx.Err() == nil { // the end of a run is no failure
		k.failed.Add(int64(r.Errors))
	}
}

// Counts are the renewals so far, and those that failed.
func (k *Keeper) Counts() (renewed, failed int) { return int(k.renewed.Load()), int(k.failed.Load()) }
