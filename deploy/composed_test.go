package deploy_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// Limits of a whole fleet of ten containers on a busy machine.
const (
	commandLimit = 4 * time.Minute
	serveLimit   = time.Minute
)

// composed is the shipped compose file, running under a name of its own.
type composed struct {
	command []string // "docker", "compose" or "docker-compose", and the files
	env     []string
	url     string
}

// TestComposedFleetServesAndKeepsItsSessions brings everything up as the README
// says, loses a node, stops everything, and starts it again.
func TestComposedFleetServesAndKeepsItsSessions(t *testing.T) {
	t.Parallel()
	c := newComposed(t)
	c.run(t, "up", "-d")
	c.awaitNodes(t, 3)
	id := c.create(t)

	c.run(t, "kill", "orchestrator-1")
	for range 10 {
		c.mustHave(t, id)
	}
	c.run(t, "stop", "-t", "10")
	c.run(t, "up", "-d")
	c.awaitNodes(t, 3)
	c.mustHave(t, id)
}

// newComposed builds the image, and has everything removed with the test.
func newComposed(t *testing.T) *composed {
	t.Helper()
	e := redistest.Containers(t)
	if e == nil {
		t.Skip("needs a Docker engine: Redis runs as processes here")
	}
	command := composeCommand(t)
	redis, _, err := e.Image(t.Context(), redistest.RedisImage)
	if err != nil {
		t.Fatal(err)
	}
	haproxy, _, err := e.Image(t.Context(), harness.HAProxyImage)
	if err != nil {
		t.Fatal(err)
	}
	port := redistest.Port(t)
	name := "orchestrator-test-" + strings.ToLower(rand.Text()[:8])
	c := &composed{
		command: append(command, "-p", name, "-f", "compose.yaml", "-f", labels(t, e.Label)),
		url:     fmt.Sprintf("http://127.0.0.1:%d", port),
		env: append(os.Environ(),
			"REDIS_IMAGE="+redis, "HAPROXY_IMAGE="+haproxy, "ORCHESTRATOR_IMAGE="+buildImage(t, name),
			"REDIS_USER=0", // an image made on the spot knows no other
			fmt.Sprintf("REDIS_NET=10.213.%d", mathrand.IntN(256)),
			fmt.Sprint("LB_PORT=", port), fmt.Sprint("LB_STATS_PORT=", redistest.Port(t))),
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.output(t, "logs", "--no-color", "--tail", "12"))
		}
		c.output(t, "down", "-v", "-t", "1")
	})
	return c
}

// composeCommand finds Compose as a plug-in or as a program, or skips.
func composeCommand(t *testing.T) []string {
	t.Helper()
	if _, err := exec.LookPath("docker"); err != nil {
		t.Skip("needs the docker command")
	}
	if exec.CommandContext(t.Context(), "docker", "compose", "version").Run() == nil {
		return []string{"docker", "compose"}
	}
	if _, err := exec.LookPath("docker-compose"); err != nil {
		t.Skip("needs Docker Compose")
	}
	return []string{"docker-compose"}
}

// buildImage builds the shipped Dockerfile around the built binary.
func buildImage(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(harness.Build(t), filepath.Join(dir, "bin", "orchestrator")); err != nil {
		t.Fatal(err)
	}
	image := name + ":test"
	ctx := context.WithoutCancel(t.Context())
	if out, err := exec.CommandContext(ctx, "docker", "build", "-f", "Dockerfile", "-t", image, dir).CombinedOutput(); err != nil {
		t.Fatalf("docker build: %v\n%s", err, out)
	}
	t.Cleanup(func() { _ = exec.CommandContext(ctx, "docker", "rmi", image).Run() })
	return image
}

// labels writes a file that marks every service as this test binary's.
func labels(t *testing.T, label func() (string, string)) string {
	t.Helper()
	name, value := label()
	services := map[string]any{}
	for s := range compose(t).Services {
		services[s] = map[string]any{"labels": map[string]string{name: value}}
	}
	text, err := json.Marshal(map[string]any{"services": services}) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "labels.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (c *composed) run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := c.exec(t, args...); err != nil {
		t.Fatalf("%v %v: %v\n%s", c.command, args, err, out)
	}
}

func (c *composed) output(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.exec(t, args...)
	if err != nil {
		out += err.Error()
	}
	return out
}

func (c *composed) exec(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), commandLimit)
	defer cancel()
	all := append(append([]string(nil), c.command...), args...)
	cmd := exec.CommandContext(ctx, all[0], all[1:]...)
	cmd.Env = c.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// awaitNodes waits until the balancer's answer lists so many ready nodes.
func (c *composed) awaitNodes(t *testing.T, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), serveLimit)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		status, text := c.call(ctx, http.MethodGet, "/v1/nodes", "")
		if status == http.StatusOK && strings.Count(text, `"state":"ready"`) == want {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no %d nodes ready in %s; last answer %d: %s", want, serveLimit, status, text)
		case <-tick.C:
		}
	}
}

func (c *composed) create(t *testing.T) string {
	t.Helper()
	status, text := c.call(t.Context(), http.MethodPost, "/v1/sessions", `{"type":"agent","name":"n","workspace":"w"}`)
	var session struct{ ID string }
	if err := json.Unmarshal([]byte(text), &session); status != http.StatusCreated || err != nil {
		t.Fatalf("create: %d, %v: %s", status, err, text)
	}
	return session.ID
}

func (c *composed) mustHave(t *testing.T, id string) {
	t.Helper()
	if status, text := c.call(t.Context(), http.MethodGet, "/v1/sessions/"+id, ""); status != http.StatusOK {
		t.Errorf("read: %d: %s", status, text)
	}
}

// call returns the status and the body, or 0 and the error's text.
func (c *composed) call(ctx context.Context, method, path, body string) (int, string) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewBufferString(body))
	if err != nil {
		return 0, err.Error()
	}
	req.Close = true
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}
