package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
)

// job is something the node does again and again, one run at a time.
type job struct {
	name  string
	every time.Duration
	run   func(ctx context.Context) error
	least time.Duration // how long one run may take at the least; 0: 10 s
}

// limit is how long one run may take; it is cancelled then.
func (j job) limit() time.Duration { return max(4*j.every, j.least, 10*time.Second) }

// stuckAfter is how long a run may take, cancelled or not, before the node counts as unable to work.
func (j job) stuckAfter() time.Duration { return j.limit() + 5*time.Second }

// workLoop starts jobs when they are due and answers pulses. All its fields but the channels belong to the goroutine in run.
type workLoop struct {
	log      *slog.Logger
	jobs     []job
	due      []time.Time // by job; zero while it runs
	since    []time.Time // by job: when its present run began; zero while it does not run
	again    []bool      // by job: it was nudged while it runs
	pulses   chan chan error
	finished chan int
	nudges   chan string
}

func newWorkLoop(log *slog.Logger, jobs ...job) *workLoop {
	return &workLoop{
		log: log, jobs: jobs, due: make([]time.Time, len(jobs)), since: make([]time.Time, len(jobs)), again: make([]bool, len(jobs)),
		pulses: make(chan chan error), finished: make(chan int, len(jobs)), nudges: make(chan string, len(jobs)),
	}
}

// run starts every job at once and then in its time, until ctx ends and the last run has returned.
func (w *workLoop) run(ctx context.Context) error {
	now := time.Now()
	for i := range w.due {
		w.due[i] = now
	}
	for ctx.Err() == nil {
		timer := time.NewTimer(time.Until(w.startDue(ctx)))
		select {
		case <-timer.C:
		case i := <-w.finished:
			w.reschedule(i)
		case name := <-w.nudges:
			w.hurry(name)
		case answer := <-w.pulses:
			answer <- w.stuck()
		case <-ctx.Done():
		}
		timer.Stop()
	}
	for i := range w.since {
		if !w.since[i].IsZero() {
			w.reschedule(<-w.finished)
		}
	}
	return nil
}

// startDue starts the jobs whose time has come and returns when the next one's comes.
func (w *workLoop) startDue(ctx context.Context) time.Time {
	now := time.Now()
	next := now.Add(time.Hour)
	for i, j := range w.jobs {
		switch {
		case !w.since[i].IsZero():
		case !w.due[i].After(now):
			w.since[i] = now
			go w.runJob(ctx, i, j)
		case w.due[i].Before(next):
			next = w.due[i]
		}
	}
	return next
}

func (w *workLoop) runJob(ctx context.Context, i int, j job) {
	defer func() { w.finished <- i }()
	limited, cancel := context.WithTimeout(ctx, j.limit())
	defer cancel()
	if err := j.run(limited); err != nil && !errors.Is(err, context.Canceled) {
		w.log.Warn("a round failed; the next one tries again", "job", j.name, "error", err)
	}
}

// reschedule notes that a job's run has ended; the next one comes after its interval, give or take a tenth.
func (w *workLoop) reschedule(i int) {
	every := w.jobs[i].every
	w.since[i] = time.Time{}
	w.due[i] = time.Now().Add(every*9/10 + rand.N(every/5+1))
	if w.again[i] {
		w.again[i], w.due[i] = false, time.Now()
	}
}

// nudge has a job run now instead of in its time. It never blocks; what is lost with a nudge is no more than the wait.
func (w *workLoop) nudge(name string) {
	select {
	case w.nudges <- name:
	default:
	}
}

func (w *workLoop) hurry(name string) {
	for i, j := range w.jobs {
		if j.name == name {
			w.due[i], w.again[i] = time.Now(), !w.since[i].IsZero()
		}
	}
}

func (w *workLoop) stuck() error {
	for i, j := range w.jobs {
		if since := w.since[i]; !since.IsZero() && time.Since(since) > j.stuckAfter() {
			return fmt.Errorf("job %s has been running for %s", j.name, time.Since(since).Round(time.Millisecond))
		}
	}
	return nil
}

func (w *workLoop) pulse(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case w.pulses <- answer:
	case <-ctx.Done():
		return fmt.Errorf("the work loop does not answer: %w", ctx.Err())
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the work loop does not answer: %w", ctx.Err())
	}
}
