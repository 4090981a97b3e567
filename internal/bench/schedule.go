package bench

import (
	"context"
	"sync/atomic"
	"time"
)

// schedule says when the requests of a load are due, to all callers together.
type schedule struct {
	load  Load
	began time.Time
	next  atomic.Int64
}

func newSchedule(l Load) *schedule { return &schedule{load: l, began: time.Now()} }

// turn waits until the next request is due and returns when its time began, or false when the load is over. At a rate it began when it was
// due, though its caller came late: whoever else would have sent it would have waited so long. A caller that was there in time begins
// when it woke; how exact the clock's alarm is says nothing of the fleet.
func (s *schedule) turn(ctx context.Context) (began time.Time, ok bool) {
	n := s.next.Add(1) - 1
	now := time.Now()
	due := now
	if s.load.Rate > 0 {
		due = s.began.Add(time.Duration(float64(n) / s.load.Rate * float64(time.Second)))
	}
	if ctx.Err() != nil || s.load.Requests > 0 && n >= int64(s.load.Requests) || s.load.Duration > 0 && due.Sub(s.began) >= s.load.Duration {
		return time.Time{}, false
	}
	if !due.After(now) {
		return due, true
	}
	timer := time.NewTimer(due.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return time.Now(), true
	case <-ctx.Done():
		return time.Time{}, false
	}
}
