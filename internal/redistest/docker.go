package redistest

import (
	"context"
	"fmt"
	"path"
	"strconv"

	"orchestrator/internal/redistest/engine"
)

// RedisImage is the image that containers of Redis are run from: pulled, or
// made of the installed programs where no registry answers.
var RedisImage = engine.Recipe{
	Name: "redis", Pull: "redis:7.2-alpine", Package: "redis-server",
	Programs: []string{"redis-server", "redis-cli", "sh", "cat", "cut", "grep", "sed", "sleep"},
}

// dataDir is where a container's server keeps its data.
const dataDir = "/srv"

// containers starts servers in containers of an engine.
type containers struct {
	engine *engine.Engine
	image  string
	why    string
}

// newContainers fails where there is no engine, no image, or no way to reach a container.
func newContainers(ctx context.Context) (*containers, error) {
	e, err := engine.Connect(ctx)
	if err != nil {
		return nil, err
	}
	image, how, err := e.Image(ctx, RedisImage)
	if err != nil {
		e.Close()
		return nil, err
	}
	found, err := e.Prepare(ctx, image, bareRedis)
	if err != nil {
		e.Close()
		return nil, err
	}
	return &containers{engine: e, image: image, why: fmt.Sprintf("an engine answers; image %s; %s", how, found)}, nil
}

// bareRedis is the command of a server that needs no file.
func bareRedis(port int, address string) []string {
	return []string{"redis-server", "--port", strconv.Itoa(port), "--bind", address, "--save", ""}
}

func (c *containers) line() string { return fmt.Sprintf("containers of %s (%s)", c.image, c.why) }

func (c *containers) close() { c.engine.Close() }

func (c *containers) start(ctx context.Context, _ string, write func(string) map[string]string) (instance, error) {
	files := map[string]string{}
	for name, text := range write(dataDir) {
		files[path.Join(dataDir, name)] = text
	}
	made, err := c.engine.Run(ctx, engine.Spec{
		Image: c.image, Command: []string{"redis-server", path.Join(dataDir, configFile)}, Files: files,
	})
	if err != nil {
		return nil, err
	}
	return contained{made}, nil
}

// contained is a redis-server in a container.
type contained struct{ *engine.Container }

func (c contained) kill(ctx context.Context) error    { return c.Kill(ctx) }
func (c contained) pause(ctx context.Context) error   { return c.Pause(ctx) }
func (c contained) resume(ctx context.Context) error  { return c.Resume(ctx) }
func (c contained) restart(ctx context.Context) error { return c.Start(ctx) }
func (c contained) running(ctx context.Context) bool  { return c.Running(ctx) }
func (c contained) logs(ctx context.Context) string   { return c.Logs(ctx) }
func (c contained) remove(ctx context.Context) error  { return c.Remove(ctx) }
