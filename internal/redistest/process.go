package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"

	"orchestrator/internal/redistest/child"
	"orchestrator/internal/redistest/host"
	"orchestrator/internal/redistest/scratch"
)

// processes starts servers as child processes of the test binary.
type processes struct {
	binary string
	why    string
}

// newProcesses finds redis-server, or installs it where that is possible.
func newProcesses(ctx context.Context, why string) (*processes, error) {
	binary, installed, err := host.Program(ctx, "redis-server", "redis-server")
	if err != nil {
		return nil, err
	}
	if installed {
		why += ", just installed"
	}
	return &processes{binary: binary, why: why}, nil
}

func (p *processes) line() string { return fmt.Sprintf("processes of %s (%s)", p.binary, p.why) }

func (p *processes) close() {}

func (p *processes) start(_ context.Context, name string, write func(string) map[string]string) (instance, error) {
	dir, err := scratch.Dir(name)
	if err != nil {
		return nil, err
	}
	s := &process{binary: p.binary, dir: dir}
	err = writeFiles(dir, write(dir))
	if err == nil {
		err = s.spawn()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// writeFiles puts files into dir, readable by their owner alone.
func writeFiles(dir string, files map[string]string) error {
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("server files: %w", err)
		}
	}
	return nil
}

// process is one redis-server child and its data directory.
type process struct {
	binary string
	dir    string
	child  atomic.Pointer[child.Child]
}

func (p *process) spawn() error {
	log, err := os.OpenFile(p.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the child has its own
	cmd := exec.Command(p.binary, filepath.Join(p.dir, configFile))
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, log, log
	c, err := child.Start(cmd)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.binary, err)
	}
	p.child.Store(c)
	return nil
}

func (p *process) log() string { return filepath.Join(p.dir, "log") }

func (p *process) kill(ctx context.Context) error { return p.child.Load().Kill(ctx) }

func (p *process) pause(ctx context.Context) error { return p.child.Load().Pause(ctx) }

func (p *process) resume(context.Context) error { return p.child.Load().Resume() }

func (p *process) restart(context.Context) error { return p.spawn() }

func (p *process) running(context.Context) bool { return p.child.Load().Running() }

func (p *process) logs(context.Context) string {
	text, err := os.ReadFile(p.log())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (p *process) remove(ctx context.Context) error {
	return errors.Join(p.kill(ctx), os.RemoveAll(p.dir))
}
