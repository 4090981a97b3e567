package fleet

import (
	"context"
	"testing"

	"orchestrator/internal/redistest"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
)

// lossy is an undertaker whose answer to the first report of each partition is lost. It keeps the sums of the report that ended a recovery.
type lossy struct {
	Undertaker
	lost  map[int]bool
	ended []registry.Tally
}

func (l *lossy) Recovered(ctx context.Context, dead session.Holder, partition, partitions int, word string, t registry.Tally) (registry.Tally, bool, error) {
	total, finished, err := l.Undertaker.Recovered(ctx, dead, partition, partitions, word, t)
	if err == nil && !l.lost[partition] {
		l.lost[partition] = true
		return registry.Tally{}, false, &session.UnavailableError{Reason: "the answer is lost"}
	}
	if finished {
		l.ended = append(l.ended, total)
	}
	return total, finished, err
}

// bereaved returns a node that works only as told, and a dead one that owned n sessions.
func bereaved(t *testing.T, n int) (*member, session.Holder) {
	t.Helper()
	r, prefix := redistest.Single(t), redistest.Prefix(t)
	a := join(t, r, prefix, "a", settings{idle: true})
	a.make(t, n)
	b := join(t, r, prefix, "b", settings{idle: true})
	a.kill()
	dead := a.registry.Self().Holder
	return b, dead
}

// A report whose answer was lost is made again, and counted once; so is the one that ends the recovery.
func TestARecoveryIsSummedOnce(t *testing.T) {
	t.Parallel()
	b, _ := bereaved(t, 40)
	l := &lossy{Undertaker: b.Undertaker, lost: map[int]bool{}}
	b.Undertaker = l
	await(t, func() string {
		_ = b.recoverDead(t.Context()) // each answer is lost once
		if len(l.ended) == 0 {
			return "the end of the recovery is never told"
		}
		return ""
	})
	if want := (registry.Tally{Expected: 40, Recovered: 40}); len(l.ended) != 1 || l.ended[0] != want {
		t.Errorf("it ended with %+v, want %+v", l.ended, want)
	}
	if len(b.recoveries) != 0 {
		if err := b.recoverDead(t.Context()); err != nil || len(b.recoveries) != 0 {
			t.Errorf("it is not forgotten: %v", err)
		}
	}
}
