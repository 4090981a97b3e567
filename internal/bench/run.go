package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Report is what a run found.
type Report struct {
	Run     string    `json:"run"`     // the label "bench" of its sessions
	Version string    `json:"version"` // of the program that sent the load
	Began   time.Time `json:"began"`
	Config  Config    `json:"config"`
	Phases  []Phase   `json:"phases"`
	Early   bool      `json:"early"` // it was told to end before its time
	Left    int       `json:"left"`  // sessions that it made and did not delete
}

// Failed is how many requests, and items of batches, failed.
func (r Report) Failed() (n int64) {
	for _, p := range r.Phases {
		n += p.Failed()
	}
	return n
}

// Run makes c's sessions, puts its load on the fleet and deletes what it made, unless that is to be kept. When ctx ends, the run does so
// early: what it made is deleted nevertheless. progress gets a line a second; it may be nil.
//
// The report holds what was measured though an error is returned: an address that does not answer, an [EncodingError], or no session
// to work on. Requests that failed are no error but part of the report.
func Run(ctx context.Context, c Config, progress io.Writer) (Report, error) {
	g, err := New(c)
	if err != nil {
		return Report{}, err
	}
	defer g.Close()
	g.Progress = progress
	r := Report{Run: g.Run(), Began: time.Now(), Config: c, Phases: []Phase{}}
	if err := g.Reach(ctx); err != nil {
		return r, err
	}
	err = r.measure(ctx, g)
	r.Early = ctx.Err() != nil
	if !c.Keep {
		ctx := context.WithoutCancel(ctx)
		err = errors.Join(err, r.phase(g.Clean(ctx)), r.phase(g.Sweep(ctx)))
	}
	r.Left = g.Sessions()
	return r, err
}

func (r *Report) measure(ctx context.Context, g *Generator) error {
	if r.Config.Sessions > 0 {
		if err := r.phase(g.Fill(ctx, r.Config.Sessions)); err != nil {
			return err
		}
		if filled := r.Phases[0]; g.Sessions() == 0 && len(filled.Errors) > 0 {
			return fmt.Errorf("no session could be made: %s", filled.Errors[0].First)
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return r.phase(g.Load(ctx, r.Config.Load))
}

// phase takes a phase over, though it ended with an error.
func (r *Report) phase(p Phase, err error) error {
	if len(p.Operations) > 0 {
		r.Phases = append(r.Phases, p)
	}
	return err
}
