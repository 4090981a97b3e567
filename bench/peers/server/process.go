package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// tail is how much of a server's log an error shows, in bytes.
const tail = 4096

// process is a running server, its log and its data directory.
type process struct {
	name   string
	dir    string
	proc   *os.Process
	exited chan struct{}
	err    error // set before exited closes
}

// spawn starts cmd in a new directory below parent, with its log there. What it writes to standard output goes to out, if there is
// one, and to the log otherwise.
func spawn(name, parent string, out *os.File, command func(dir string) *exec.Cmd) (*process, error) {
	dir, err := os.MkdirTemp(parent, "orchestrator-peers-"+name+"-")
	if err != nil {
		return nil, err
	}
	p := &process{name: name, dir: dir, exited: make(chan struct{})}
	log, err := os.Create(p.log())
	if err == nil {
		cmd := command(dir)
		cmd.Stdout, cmd.Stderr = log, log
		if out != nil {
			cmd.Stdout = out
		}
		err = errors.Join(p.start(cmd), log.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), os.RemoveAll(dir))
	}
	return p, nil
}

// start runs cmd and awaits its end in the background, from a thread of its own: the kernel kills the process when the thread that
// made it ends.
func (p *process) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = apart()
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer close(p.exited)
		err := cmd.Start()
		p.proc = cmd.Process
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	return <-started
}

func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

func (p *process) log() string { return filepath.Join(p.dir, "log") }

// failed is an error with the last lines of the log.
func (p *process) failed(why error) error {
	text, err := os.ReadFile(p.log())
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", p.name, why), err)
	}
	if len(text) > tail {
		text = text[len(text)-tail:]
	}
	return fmt.Errorf("%s: %w; the end of its log:\n%s", p.name, why, strings.TrimSpace(string(text)))
}

// watch returns a context that ends when the process does, for that reason.
func (p *process) watch(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-p.exited:
			cancel(p.failed(fmt.Errorf("ended by itself (%v)", p.err)))
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// stop kills the process, waits until it is gone and removes its directory.
func (p *process) stop() error {
	if err := p.proc.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.exited
	return os.RemoveAll(p.dir)
}
