package fleet

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestJobsRunOneAtATimeAndInTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs, together atomic.Int64
		w := newWorkLoop(slog.New(slog.DiscardHandler), job{name: "slow", every: time.Second, run: func(context.Context) error {
			if together.Add(1) > 1 {
				t.Error("two runs of one job at once")
			}
			defer together.Add(-1)
			time.Sleep(3 * time.Second) // longer than its interval: the next run waits
			runs.Add(1)
			return errors.New("failed, and is tried again")
		}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.run(ctx) }()
		time.Sleep(41 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if n := runs.Load(); n < 9 || n > 11 {
			t.Fatalf("%d runs in 41 s of a job that takes 3 s and waits 1 s", n)
		}
	})
}

// A job that does not end, though its context has, makes the pulse fail: the node stops beating and is taken over.
func TestAStuckJobStopsThePulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := job{name: "stuck", every: time.Second, run: func(context.Context) error { <-release; return nil }}
		w := newWorkLoop(slog.New(slog.DiscardHandler), stuck)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.run(ctx) }()
		time.Sleep(time.Second)
		if err := w.pulse(ctx); err != nil {
			t.Fatalf("a job that has just begun: %v", err)
		}
		time.Sleep(stuck.stuckAfter())
		if err := w.pulse(ctx); err == nil {
			t.Fatal("the pulse is good though a job is stuck")
		}
		close(release)
		time.Sleep(time.Second / 2)
		if err := w.pulse(ctx); err != nil {
			t.Fatalf("after the job has ended: %v", err)
		}
		cancel()
		<-done
		limited, end := context.WithTimeout(t.Context(), time.Second)
		defer end()
		if err := w.pulse(limited); err == nil {
			t.Fatal("a loop that does not run has a pulse")
		}
	})
}

// A nudged job runs at once, also one that is running already, and no more often than that.
func TestANudgeHasAJobRunNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		w := newWorkLoop(slog.New(slog.DiscardHandler), job{name: "rare", every: time.Hour, run: func(context.Context) error {
			runs.Add(1)
			time.Sleep(time.Second)
			return nil
		}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.run(ctx) }()
		time.Sleep(500 * time.Millisecond)
		w.nudge("rare") // while its first run goes on
		w.nudge("nobody")
		time.Sleep(5 * time.Second)
		if n := runs.Load(); n != 2 {
			t.Fatalf("%d runs, want the first and one more", n)
		}
		w.nudge("rare")
		time.Sleep(5 * time.Second)
		if n := runs.Load(); n != 3 {
			t.Fatalf("%d runs after a nudge, want 3", n)
		}
		cancel()
		<-done
	})
}
