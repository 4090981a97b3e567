package engine

import (
	"os"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"orchestrator/internal/redistest/scratch"
)

func TestMain(m *testing.M) {
	code := m.Run()
	scratch.End()
	os.Exit(code)
}

func connect(t *testing.T) *Engine {
	t.Helper()
	if os.Getenv("ORCHESTRATOR_TEST_REDIS") == "" {
		t.Skip("needs a real Redis: run `make test`")
	}
	e, err := Connect(t.Context())
	if err != nil {
		t.Skipf("no Docker engine answers here: %v", err)
	}
	t.Cleanup(e.Close)
	return e
}

// TestContainersOfTheDeadAreRemoved leaves one container of a run that is gone
// and one of a living run.
func TestContainersOfTheDeadAreRemoved(t *testing.T) {
	t.Parallel()
	e := connect(t)
	image, _, err := e.Image(t.Context(), Recipe{
		Name: "bare-redis", Pull: "redis:7.2-alpine", Package: "redis-server",
		Programs: []string{"redis-server"},
	})
	if err != nil {
		t.Fatal(err)
	}
	dead := create(t, e, image, machine()+"|"+t.TempDir())
	elsewhere := create(t, e, image, "another machine|"+t.TempDir())
	own := create(t, e, image, e.owner)
	e.sweep(t.Context())
	for id, want := range map[string]bool{dead: false, elsewhere: true, own: true} {
		_, err := e.client.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
		if got := err == nil; got != want {
			t.Errorf("container is there: %v, want %v (%v)", got, want, err)
		}
	}
}

func create(t *testing.T, e *Engine, image, owner string) string {
	t.Helper()
	made, err := e.client.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Config: &container.Config{Image: image, Cmd: []string{"redis-server"}, Labels: map[string]string{ownerLabel: owner}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = (&Container{engine: e, id: made.ID}).Remove(t.Context()) })
	return made.ID
}
