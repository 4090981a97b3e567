package runner

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"orchestrator/internal/leash"
)

// The kinds of messages that the runner reads and writes.
const (
	KindInput  = "input"
	KindOutput = "output" // a line of standard output
	KindError  = "error"  // a line of standard error, and what the runner has to say
)

// notStarted is the exit code of a command that could not be started, as shells have it.
const notStarted = 126

type result = leash.Result

// failed reports whether an attempt did not end as its command meant to.
func (o outcome) failed() bool { return o.Err != nil || o.Code != 0 }

// attempt starts the command once and returns when all of it is gone and its output is published.
func (g *grant) attempt() outcome {
	lines := make(chan Message, queued)
	published := make(chan int)
	go func() { published <- g.publish(lines) }()
	out := g.child(lines)
	if out.Err != nil && !out.Told {
		lines <- Message{KindError, "orchestrator: " + out.Err.Error()}
	}
	close(lines)
	if dropped := <-published; dropped > 0 {
		g.log.Warn("output was not published", "lines", dropped)
	}
	return out
}

// child starts the command and carries its lines off until all of it is gone.
func (g *grant) child(lines chan<- Message) outcome {
	dir, err := g.place()
	if err != nil {
		return outcome{result{Err: err, Code: notStarted}, g.pos.after}
	}
	p, err := leash.Start(leash.Command{Path: g.cfg.Path, Args: g.cfg.Args, Env: environ(g.cfg, g.session), Dir: dir},
		limitsOf(time.Now(), g.lease.Until(), g.cfg.Grace))
	if err != nil {
		return outcome{result{Err: err, Code: notStarted}, g.pos.after}
	}
	g.log.Info("the command is started", "directory", dir)
	g.pos.begin()
	running, ended := context.WithCancel(g.life)
	var readers, others sync.WaitGroup
	readers.Go(func() { g.carry(&speech{pipe: p.Out}, KindOutput, lines) })
	readers.Go(func() { g.carry(&speech{pipe: p.Err}, KindError, lines) })
	others.Go(func() { g.feed(running, p.In) })
	others.Go(func() { g.record(running, p.In) })
	g.keep(p)
	ended()
	now := time.Now() // who holds an end of a pipe by now is none of the tree, and not waited for
	_, _, _ = p.In.SetWriteDeadline(now), p.Out.SetReadDeadline(now), p.Err.SetReadDeadline(now)
	others.Wait()
	readers.Wait()
	out := outcome{p.Wait(), g.at(p.In)}
	if out.Err != nil && out.Code == 0 {
		out.Code = notStarted
	}
	for _, f := range []*os.File{p.In, p.Out, p.Err} {
		_ = f.Close() // nothing is written to it any more
	}
	return out
}

// keep passes on until when the command may run, and returns when all of it is gone.
func (g *grant) keep(p *leash.Process) {
	holds, going, revoked := g.holds.Done(), g.going.Done(), g.lease.Revoked()
	var until time.Time
	look := time.NewTimer(0)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			now := time.Now()
			if at := g.lease.Until(); !at.Equal(until) {
				until = at
				g.length = max(g.length, at.Sub(now))
				p.Until(limitsOf(now, until, g.cfg.Grace))
			}
			look.Reset(min(max(until.Sub(now)/looks, shortLook), longLook))
		case <-holds:
			holds = nil
			p.Kill()
		case <-going:
			going = nil
			p.Stop(g.killBy(time.Now()))
		case <-revoked: // after the runner was told to end: with less time, perhaps
			revoked = nil
			p.Stop(g.killBy(time.Now()))
		case <-p.Ended():
			return
		}
	}
}

// speech is what a command says: to the end of its pipe or, once a deadline tells that all of the command is gone, what lies in the pipe by then.
type speech struct {
	pipe *os.File
	rest io.Reader // nil: the command is there
}

func (s *speech) Read(b []byte) (int, error) {
	if s.rest == nil {
		n, err := s.pipe.Read(b)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		left, err := leash.Pending(s.pipe)
		if err != nil {
			return 0, err
		}
		_ = s.pipe.SetReadDeadline(time.Time{}) // so much can be read at once
		s.rest = io.LimitReader(s.pipe, int64(left))
	}
	return s.rest.Read(b)
}

// carry reads a stream to its end.
func (g *grant) carry(r io.Reader, kind string, lines chan<- Message) {
	if err := readLines(r, func(text string) { lines <- Message{kind, text} }); err != nil {
		g.log.Warn("output cannot be read", "stream", kind, "error", err)
	}
}

// environ is the runner's own environment and what tells of the session.
func environ(c Config, s Session) []string {
	return slices.Concat(c.Environ, []string{
		"ORCHESTRATOR_SESSION_ID=" + s.ID,
		"ORCHESTRATOR_SESSION_NAME=" + s.Name,
		"ORCHESTRATOR_EPOCH=" + strconv.FormatUint(s.Epoch, 10),
		"ORCHESTRATOR_WORKSPACE=" + s.Workspace,
		"ORCHESTRATOR_API=" + strings.TrimRight(c.API, "/"),
	})
}

// workspace returns the directory to run in; empty: the runner's own.
func workspace(policy Workspace, dir string) (string, error) {
	if policy == Ignore {
		return "", nil
	}
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return "", errors.New("is not a directory")
	case errors.Is(err, fs.ErrNotExist) && policy == Create:
		return dir, os.MkdirAll(dir, 0o755)
	case errors.Is(err, fs.ErrNotExist):
		return "", errors.New("is not there, and is not made: see --workspace")
	}
	return dir, err
}
