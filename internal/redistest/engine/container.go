package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"

	"orchestrator/internal/redistest/child"
)

// logLimit bounds how much of a container's output is fetched.
const logLimit = 1 << 20

// Spec describes a container before it is started.
type Spec struct {
	Image   string
	Command []string          // program and arguments, past any entrypoint
	Files   map[string]string // absolute path -> text, there before the start
}

// Container is one container of this test binary, on the machine's network.
type Container struct {
	engine *Engine
	id     string
}

// Run creates and starts a container. It does not wait until it serves.
func (e *Engine) Run(ctx context.Context, s Spec) (*Container, error) {
	req := testcontainers.ContainerRequest{
		Image:      s.Image,
		Entrypoint: s.Command[:1],
		Cmd:        s.Command[1:],
		Labels:     map[string]string{ownerLabel: e.owner},
		HostConfigModifier: func(h *container.HostConfig) {
			h.NetworkMode = "host"
		},
	}
	for path, text := range s.Files {
		req.Files = append(req.Files, testcontainers.ContainerFile{
			Reader: strings.NewReader(text), ContainerFilePath: path, FileMode: 0o644,
		})
	}
	c, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: req, Started: true, Logger: tclog.NewNoopLogger(),
	})
	if err != nil {
		if c != nil {
			err = errors.Join(err, e.remove(ctx, c.GetContainerID()))
		}
		return nil, fmt.Errorf("container of %s: %w", s.Image, err)
	}
	return &Container{engine: e, id: c.GetContainerID()}, nil
}

// Signal sends a signal, such as "STOP" or "TERM", to the container's process.
func (c *Container) Signal(ctx context.Context, signal string) error {
	_, err := c.engine.client.ContainerKill(ctx, c.id, client.ContainerKillOptions{Signal: signal})
	return err
}

// Pause sends SIGSTOP and waits until the container's process has stopped,
// where the process can be seen from here.
func (c *Container) Pause(ctx context.Context) error {
	if err := c.Signal(ctx, "STOP"); err != nil {
		return err
	}
	state, err := c.engine.client.ContainerInspect(ctx, c.id, client.ContainerInspectOptions{})
	if err != nil || state.Container.State == nil {
		return err
	}
	pid := state.Container.State.Pid
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil || !bytes.Contains(groups, []byte(c.id)) {
		return nil // the engine counts processes elsewhere
	}
	return child.AwaitStopped(ctx, pid)
}

// Resume sends SIGCONT.
func (c *Container) Resume(ctx context.Context) error { return c.Signal(ctx, "CONT") }

// Kill sends SIGKILL and waits until the container's process is gone.
func (c *Container) Kill(ctx context.Context) error {
	if !c.Running(ctx) {
		return nil
	}
	if err := c.Signal(ctx, "KILL"); err != nil && c.Running(ctx) {
		return err
	}
	return c.Wait(ctx)
}

// Wait waits until the container's process has ended.
func (c *Container) Wait(ctx context.Context) error {
	wait := c.engine.client.ContainerWait(ctx, c.id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case <-wait.Result:
		return nil
	case err := <-wait.Error:
		return err
	}
}

// Start starts a container again that has ended, on what it had written.
func (c *Container) Start(ctx context.Context) error {
	_, err := c.engine.client.ContainerStart(ctx, c.id, client.ContainerStartOptions{})
	return err
}

// Running reports whether the container's process has not ended.
func (c *Container) Running(ctx context.Context) bool {
	state, err := c.engine.client.ContainerInspect(ctx, c.id, client.ContainerInspectOptions{})
	return err == nil && state.Container.State.Running
}

// Logs returns the last of what the container wrote.
func (c *Container) Logs(ctx context.Context) string {
	raw, err := c.engine.client.ContainerLogs(ctx, c.id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "2000"})
	if err != nil {
		return err.Error()
	}
	defer raw.Close()
	var text bytes.Buffer
	if _, err := stdcopy.StdCopy(&text, &text, io.LimitReader(raw, logLimit)); err != nil {
		return text.String() + "\n" + err.Error()
	}
	return text.String()
}

// Remove ends the container and deletes its data.
func (c *Container) Remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return c.engine.remove(ctx, c.id)
}
