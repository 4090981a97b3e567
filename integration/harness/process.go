package harness

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"orchestrator/internal/redistest/child"
	"orchestrator/internal/redistest/scratch"
)

// Limits of the harness; a test that measures has its own.
const (
	readyTimeout  = 30 * time.Second
	signalTimeout = 30 * time.Second
	pollInterval  = 10 * time.Millisecond
)

// Program says how to start a process that serves HTTP.
type Program struct {
	Name string
	Addr string   // host:port where it will serve
	Path string   // of the binary
	Args []string // without the binary
	Env  []string // added to the test's own
}

// Process is a running, paused or ended program of the test.
type Process struct {
	program Program
	log     string // path
	child   atomic.Pointer[child.Child]
}

// Start starts the program without waiting for it. It is killed with the test,
// and the end of its log is shown if the test failed.
func Start(tb testing.TB, p Program) *Process {
	tb.Helper()
	dir, err := scratch.Dir("program")
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	proc := &Process{program: p, log: filepath.Join(dir, "log")}
	proc.spawn(tb)
	tb.Cleanup(func() {
		proc.Kill(tb)
		if tb.Failed() {
			tb.Logf("last lines of %s:\n%s", p.Name, tail(proc.LogLines()))
		}
		_ = os.RemoveAll(dir)
	})
	return proc
}

func (p *Process) spawn(tb testing.TB) {
	tb.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	defer log.Close() // the child has its own
	cmd := exec.Command(p.program.Path, p.program.Args...)
	cmd.Env = append(environ(), p.program.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	c, err := child.Start(cmd)
	if err != nil {
		tb.Fatalf("harness: start %s: %v", p.program.Name, err)
	}
	p.child.Store(c)
}

// environ is the test's own environment without what would configure an
// orchestrator behind the test's back.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ORCHESTRATOR_") })
}

// Name is what the process is called in logs.
func (p *Process) Name() string { return p.program.Name }

// Addr is the host:port where the process serves.
func (p *Process) Addr() string { return p.program.Addr }

// URL is the base of the process's HTTP addresses, without a final slash.
func (p *Process) URL() string { return "http://" + p.program.Addr }

// PID is the number of the running process.
func (p *Process) PID() int { return p.child.Load().PID() }

// Running reports whether the process has not ended.
func (p *Process) Running() bool { return p.child.Load().Running() }

// Exited closes when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.child.Load().Exited() }

// Kill sends SIGKILL and waits until the process is gone. One that has ended
// already is left alone.
func (p *Process) Kill(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), signalTimeout)
	defer cancel()
	if err := p.child.Load().Kill(ctx); err != nil {
		tb.Fatalf("harness: kill %s: %v", p.program.Name, err)
	}
}

// Pause sends SIGSTOP and waits until the process has stopped: connections
// stay open, nothing answers.
func (p *Process) Pause(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), signalTimeout)
	defer cancel()
	if err := p.child.Load().Pause(ctx); err != nil {
		tb.Fatalf("harness: pause %s: %v", p.program.Name, err)
	}
}

// Resume sends SIGCONT.
func (p *Process) Resume(tb testing.TB) { tb.Helper(); p.signal(tb, syscall.SIGCONT) }

// Terminate sends SIGTERM and does not wait; see [Process.Wait].
func (p *Process) Terminate(tb testing.TB) { tb.Helper(); p.signal(tb, syscall.SIGTERM) }

func (p *Process) signal(tb testing.TB, s syscall.Signal) {
	tb.Helper()
	if err := p.child.Load().Signal(s); err != nil {
		tb.Fatalf("harness: %s to %s: %v", s, p.program.Name, err)
	}
}

// Wait waits until the process has ended and returns how: nil is exit code 0.
func (p *Process) Wait(tb testing.TB, limit time.Duration) error {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), limit)
	defer cancel()
	c := p.child.Load()
	if err := c.Wait(ctx); err != nil {
		tb.Fatalf("harness: %s has not ended in %s", p.program.Name, limit)
	}
	return c.Err()
}

// Restart starts an ended process again with the same arguments; its log goes on.
func (p *Process) Restart(tb testing.TB) {
	tb.Helper()
	if p.Running() {
		tb.Fatalf("harness: restart of %s, which still runs", p.program.Name)
	}
	p.spawn(tb)
}

// WaitStatus waits until GET of the path is answered with the status. A
// process that ends instead fails the test.
func (p *Process) WaitStatus(tb testing.TB, path string, status int) {
	tb.Helper()
	last := "no answer"
	if !waitFor(tb, readyTimeout, func(ctx context.Context) bool {
		got, err := get(ctx, p.URL()+path)
		last = fmt.Sprint(got, err)
		return got == status || !p.Running()
	}) || !p.Running() {
		tb.Fatalf("harness: %s%s was never answered with %d (running: %v; last: %s)\n%s",
			p.URL(), path, status, p.Running(), last, tail(p.LogLines()))
	}
}

// get returns the status of one GET on a connection of its own.
func get(ctx context.Context, url string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// waitFor asks until the answer is yes or the limit is over.
func waitFor(tb testing.TB, limit time.Duration, ask func(context.Context) bool) bool {
	ctx, cancel := context.WithTimeout(tb.Context(), limit)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if ask(ctx) {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}
