package leash

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tree is a command and all that it started.
type tree struct {
	root  int           // the command's process, and its group
	ended chan struct{} // the command has
	empty chan struct{} // so have all others

	mu     sync.Mutex // nothing is reaped while it is held, so that no number that was looked up is another process's by then
	reaped bool       // the command was: its number means nothing any more
	status syscall.WaitStatus
}

// grow starts the command in a group of its own; the kernel kills it with this thread.
func grow(args []string) (*tree, error) {
	pid, err := syscall.ForkExec(args[0], args, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return nil, err
	}
	t := &tree{root: pid, ended: make(chan struct{}), empty: make(chan struct{})}
	go t.reap()
	return t, nil
}

// reap waits for every child: the command, and what has lost its parent. Without one there is no descendant either.
func (t *tree) reap() {
	defer close(t.empty)
	for {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || !t.collect() {
			return
		}
	}
}

// collect takes the children that have ended; false: none is left.
func (t *tree) collect() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return false
		case pid == 0:
			return true
		case pid == t.root && !t.reaped:
			t.reaped, t.status = true, status
			close(t.ended)
		}
	}
}

// tell asks the command's group to end; one that is stopped is continued, or it would not hear.
func (t *tree) tell() {
	t.group(unix.SIGTERM)
	t.group(unix.SIGCONT)
}

func (t *tree) group(s syscall.Signal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.reaped {
		_ = unix.Kill(-t.root, s) // of a group whose last member ends now, nobody is there to signal
	}
}

// fell kills the whole tree and returns when nothing is left. The group goes first, which is everything as a rule; what has left it is
// looked for again and again, for it may have had children meanwhile.
func (t *tree) fell() {
	t.group(unix.SIGKILL)
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		timer := time.NewTimer(pause)
		select {
		case <-t.empty:
			timer.Stop()
			return
		case <-timer.C:
			t.strays()
		}
	}
}

func (t *tree) strays() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, pid := range below(os.Getpid(), processes()) {
		_ = unix.Kill(pid, unix.SIGKILL) // it may be gone by now
	}
}

// result is how the command ended; it has.
func (t *tree) result(told bool) Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.status.Signaled() {
		return Result{Code: 128 + int(t.status.Signal()), Signal: int(t.status.Signal()), Told: told}
	}
	return Result{Code: t.status.ExitStatus(), Told: told}
}
