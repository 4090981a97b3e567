// Package child starts processes that do not outlive the test binary, however
// that ends. It is imported by tests' harnesses only.
package child

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Child is one process, running or ended.
type Child struct {
	proc   *os.Process
	exited chan struct{}
	err    error // set before exited closes
}

// Start starts cmd and waits for its end in the background. The kernel kills
// the process when the test binary is gone (on Linux).
//
// It does so from a thread of its own, for the signal is sent when the thread
// that made the process ends: that thread has to live exactly as long.
func Start(cmd *exec.Cmd) (*Child, error) {
	c := &Child{exited: make(chan struct{})}
	cmd.SysProcAttr = diesWithParent()
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer close(c.exited)
		err := cmd.Start()
		c.proc = cmd.Process
		started <- err
		if err == nil {
			c.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// PID is the process's number.
func (c *Child) PID() int { return c.proc.Pid }

// Exited closes when the process has ended and was waited for.
func (c *Child) Exited() <-chan struct{} { return c.exited }

// Err is how the process ended, as [exec.Cmd.Wait] says it, once it has.
func (c *Child) Err() error {
	select {
	case <-c.exited:
		return c.err
	default:
		return nil
	}
}

// Running reports whether the process has not ended.
func (c *Child) Running() bool {
	select {
	case <-c.exited:
		return false
	default:
		return true
	}
}

// Signal sends a signal; to a process that has ended it does nothing.
func (c *Child) Signal(s syscall.Signal) error {
	if err := c.proc.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// Kill sends SIGKILL and waits until the process is gone.
func (c *Child) Kill(ctx context.Context) error {
	if err := c.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	return c.Wait(ctx)
}

// Wait waits for the end of the process or of ctx.
func (c *Child) Wait(ctx context.Context) error {
	select {
	case <-c.exited:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
