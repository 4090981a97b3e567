package child

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Pause sends SIGSTOP and waits until every thread of the process has stopped.
func (c *Child) Pause(ctx context.Context) error {
	if err := c.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return AwaitStopped(ctx, c.PID())
}

// Resume sends SIGCONT.
func (c *Child) Resume() error { return c.Signal(syscall.SIGCONT) }

// AwaitStopped waits until a process that was sent SIGSTOP has stopped: the
// signal is only delivered when the system next schedules a thread of it, and a
// busy one may answer a last request meanwhile. It returns at once for a
// process that is gone, and where the system does not show threads.
func AwaitStopped(ctx context.Context, pid int) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !stopped(pid) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("process %d has not stopped: %w", pid, ctx.Err())
		}
	}
	return nil
}

// stopped reports whether no thread of the process runs.
func stopped(pid int) bool {
	threads, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "stat"))
	if err != nil {
		return true
	}
	for _, path := range threads {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // this thread has ended
		}
		if s := state(stat); s != 'T' && s != 't' && s != 'Z' && s != 'X' {
			return false
		}
	}
	return true
}

// state is the letter after the name, which may hold any character itself.
func state(stat []byte) byte {
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 || len(stat) < i+3 {
		return 0
	}
	return stat[i+2]
}

// Ended reports whether a process, anybody's, runs no more: it is gone, or
// waits only to be collected.
func Ended(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err != nil || state(stat) == 'Z'
}
