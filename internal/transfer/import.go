package transfer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"orchestrator/client"
)

// Import says how lines are made sessions.
type Import struct {
	To            *client.Client
	Concurrency   int  // sessions under way at once, at least 1
	DryRun        bool // make nothing: each line is judged, and looked for
	IgnoreUnknown bool // drop members that no session has, and count them

	// Reject is told each line that is refused, counted from 1, one at a time.
	Reject func(line int, id, reason string)
}

// Counts is what became of the lines so far.
type Counts struct {
	Lines    int64 `json:"lines"`
	Created  int64 `json:"created"`  // or, in a dry run, would be
	Already  int64 `json:"already"`  // imported before
	Expired  int64 `json:"expired"`  // their time has ended: nothing to make
	Rejected int64 `json:"rejected"` // told to Reject
	Dropped  int64 `json:"dropped"`  // members ignored
}

// importer is one run of an Import.
type importer struct {
	Import

	there  map[string]bool // ids that were imported before this run
	made   sync.Map        // ids that this run was answered with: a line that comes twice makes nothing more
	reject sync.Mutex

	lines, created, already, expired, rejected, dropped atomic.Int64
}

func (i *importer) counts() Counts {
	return Counts{i.lines.Load(), i.created.Load(), i.already.Load(), i.expired.Load(), i.rejected.Load(), i.dropped.Load()}
}

// Run imports every line. sofar may be called at any time until Run returns, through the function that watch is given. An error says why it
// ended early: what has been made is recognised when it is run again.
func (i Import) Run(ctx context.Context, lines io.Reader, watch func(sofar func() Counts)) (Counts, error) {
	run := &importer{Import: i, there: map[string]bool{}}
	watch(run.counts)
	for s, err := range imported(ctx, i.To, LabelImportedFrom) {
		if err != nil {
			return run.counts(), fmt.Errorf("the sessions imported before cannot be read: %w", err)
		}
		run.there[s.Labels[LabelImportedFrom]] = true
	}
	g, together := errgroup.WithContext(ctx)
	g.SetLimit(max(i.Concurrency, 1))
	in, done := until(together, lines)
	defer done()
	err := eachLine(in, func(n int, line []byte, fault error) bool {
		run.lines.Add(1)
		if fault != nil {
			run.refuse(n, "", fault)
			return true
		}
		it, dropped, err := parse(line, i.IgnoreUnknown)
		if run.dropped.Add(int64(dropped)); err != nil {
			run.refuse(n, it.id, err)
			return true
		}
		g.Go(func() error { return run.take(together, n, it) })
		return together.Err() == nil
	})
	switch early := g.Wait(); {
	case early != nil:
		err = early
	case ctx.Err() != nil: // which also cuts the reading off
		err = ctx.Err()
	}
	return run.counts(), err
}

// until returns a reader of r that fails once ctx ends, though r stays silent. done must be called when nothing more is read; a read of r that is
// under way then is left to end by itself.
func until(ctx context.Context, r io.Reader) (in io.Reader, done func()) {
	out, feed := io.Pipe()
	go func() {
		_, err := io.Copy(feed, r)
		_ = feed.CloseWithError(err) // nil: the end of r
	}()
	cut := context.AfterFunc(ctx, func() { _ = out.CloseWithError(ctx.Err()) })
	return out, func() {
		cut()
		_ = out.Close()
	}
}

func (i *importer) refuse(line int, id string, err error) {
	i.rejected.Add(1)
	i.reject.Lock()
	defer i.reject.Unlock()
	i.Reject(line, id, err.Error())
}

// take makes the session of one line, unless it is there. An error ends the import.
func (i *importer) take(ctx context.Context, line int, it item) error {
	switch {
	case i.there[it.id]:
		i.already.Add(1)
		return nil
	case it.live(time.Now()) != nil:
		i.expired.Add(1)
		return nil
	case i.DryRun:
		i.created.Add(1)
		return nil
	}
	before := false // imported within 24 hours, with another time left or from another state of it
	s, err := makeOnce(ctx, i.To, it.draft, func(mismatch error) (client.Session, error) {
		before = true
		return find(ctx, i.To, it.id, mismatch)
	}, "import", it.id)
	switch {
	case err == nil && !before && i.first(s.ID):
		i.created.Add(1)
	case err == nil:
		i.already.Add(1)
	case ofTheSession(err):
		i.refuse(line, it.id, err)
	default:
		return fmt.Errorf("line %d: %w", line, err)
	}
	return nil
}

func (i *importer) first(id string) bool {
	_, again := i.made.LoadOrStore(id, nil)
	return !again
}

// ofTheSession reports whether an error is of this one session, so that the next may fare better.
func ofTheSession(err error) bool {
	for _, kind := range []error{client.ErrInvalid, client.ErrTooLarge, client.ErrIdempotencyMismatch, client.ErrVersionMismatch, errSpent} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// eachLine calls do for each line that is not blank, counted from 1, with a fault where it is too long, until do returns false.
func eachLine(r io.Reader, do func(n int, line []byte, fault error) bool) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		line, size, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("line %d cannot be read: %w", n, err)
		}
		var fault error
		if size > MaxLine {
			fault = fmt.Errorf("has %d bytes, at most %d are allowed", size, MaxLine)
		}
		if line = bytes.TrimSpace(line); (len(line) > 0 || fault != nil) && !do(n, line, fault) {
			return nil
		}
		if err != nil {
			return nil
		}
	}
}

// readLine reads one line, and keeps of it no more than may be used.
func readLine(in *bufio.Reader) (line []byte, size int, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if size += len(part); size <= MaxLine {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, size, err
		}
	}
}
