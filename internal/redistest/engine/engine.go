package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"orchestrator/internal/redistest/scratch"
)

// pingTimeout is how long an engine has to answer before there is none.
const pingTimeout = 2 * time.Second

// ownerLabel names the test binary a container belongs to: this machine's
// identity, a bar, and the run's directory.
const ownerLabel = "orchestrator.test.owner"

// Engine is a Docker engine that answers.
type Engine struct {
	client *client.Client
	id     string // the engine's own identity
	owner  string // value of ownerLabel
}

// Connect finds an engine and removes what test binaries that died left on it.
// It keeps clear of testcontainers, which reads its configuration once and for
// all, and must not before [Engine.Prepare] has set it.
func Connect(ctx context.Context) (*Engine, error) {
	run, err := scratch.Run()
	if err != nil {
		return nil, err
	}
	if err := chooseSocket(); err != nil {
		return nil, err
	}
	c, err := client.New(client.FromEnv)
	if err != nil {
		return nil, fmt.Errorf("engine client: %w", err)
	}
	short, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	info, err := c.Info(short, client.InfoOptions{})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("no engine answers: %w", err), c.Close())
	}
	e := &Engine{client: c, id: info.Info.ID, owner: machine() + "|" + run}
	e.sweep(ctx)
	return e, nil
}

// chooseSocket sets DOCKER_HOST where it is not set and the engine's socket is
// not at the usual place but at one of a user's own engine.
func chooseSocket() error {
	if os.Getenv(client.EnvOverrideHost) != "" {
		return nil
	}
	home, _ := os.UserHomeDir()
	for i, socket := range []string{
		"/var/run/docker.sock",
		filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "docker.sock"),
		filepath.Join(home, ".docker/run/docker.sock"),
		filepath.Join(home, ".docker/desktop/docker.sock"),
	} {
		if _, err := os.Stat(socket); err != nil {
			continue
		}
		if i == 0 {
			return nil
		}
		return os.Setenv(client.EnvOverrideHost, "unix://"+socket)
	}
	return nil
}

// Close lets go of the engine's connections. Containers stay.
func (e *Engine) Close() { _ = e.client.Close() }

// Label is the label of this test binary's containers. Whoever starts some by
// other means gives it to them, for them to be removed should the test die.
func (e *Engine) Label() (name, value string) { return ownerLabel, e.owner }

// sweep removes containers whose test binary ran on this machine and is dead.
func (e *Engine) sweep(ctx context.Context) {
	found, err := e.client.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", ownerLabel),
	})
	if err != nil {
		return
	}
	for _, c := range found.Items {
		where, run, _ := strings.Cut(c.Labels[ownerLabel], "|")
		if where == machine() && !scratch.Alive(run) {
			_ = e.remove(ctx, c.ID)
		}
	}
}

func (e *Engine) remove(ctx context.Context, id string) error {
	_, err := e.client.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	return err
}

// machine tells machines apart that share one engine: only the owner's own
// machine can know whether it lives.
func machine() string {
	name, _ := os.Hostname()
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return name + "/" + strings.TrimSpace(string(boot))
}
