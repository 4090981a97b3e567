package fleet

import (
	"context"
	"log/slog"
	"time"

	"orchestrator/internal/balancer"
)

const (
	settleQueue = 4096                 // outcomes that may wait
	settleBatch = 500                  // outcomes told in one call
	settlePause = 5 * time.Millisecond // how long outcomes are gathered before they are told
	settleLimit = 2 * time.Second      // for telling the last ones at the end
)

// settler tells the balancer, behind the requests' backs and in batches, how reservations ended. What it cannot tell is left to the
// sync round, which settles reservations past their deadline by what the records say.
type settler struct {
	placer Placer
	log    *slog.Logger
	queue  chan balancer.Outcome
}

func newSettler(p Placer, log *slog.Logger) *settler {
	return &settler{p, log, make(chan balancer.Outcome, settleQueue)}
}

// add queues outcomes; it never blocks.
func (q *settler) add(outcomes ...balancer.Outcome) {
	for _, o := range outcomes {
		select {
		case q.queue <- o:
		default:
			q.log.Warn("too many reservations to settle; the sync round will", "session", o.Session)
		}
	}
}

// run tells outcomes until ctx ends, then what is left.
func (q *settler) run(ctx context.Context) error {
	for {
		select {
		case first := <-q.queue:
			q.tell(ctx, first)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLimit)
			defer cancel()
			for len(q.queue) > 0 && last.Err() == nil {
				q.tell(last, <-q.queue)
			}
			return nil
		}
	}
}

func (q *settler) tell(ctx context.Context, first balancer.Outcome) {
	batch := append(make([]balancer.Outcome, 0, settleBatch), first)
	pause := time.NewTimer(settlePause)
	defer pause.Stop()
	for len(batch) < settleBatch {
		select {
		case o := <-q.queue:
			batch = append(batch, o)
			continue
		case <-pause.C:
		case <-ctx.Done():
		}
		break
	}
	if err := q.placer.Settle(context.WithoutCancel(ctx), batch...); err != nil {
		q.log.Warn("could not settle reservations; the sync round will", "count", len(batch), "error", err)
	}
}
