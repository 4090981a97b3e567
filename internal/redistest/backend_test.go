package redistest

import (
	"context"
	"os"
	"testing"

	"orchestrator/internal/redistest/engine"
)

// TestBackends holds every way of starting servers to the same behaviour,
// whichever the other tests run on.
func TestBackends(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) backend{"process": openProcesses, "docker": openContainers} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if os.Getenv(Env) == "" {
				t.Skip(skipLine)
			}
			exerciseBackend(t, open(t))
		})
	}
}

func openProcesses(t *testing.T) backend {
	b, err := newProcesses(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func openContainers(t *testing.T) backend {
	e, err := engine.Connect(t.Context())
	if err != nil {
		t.Skipf("no Docker engine answers here: %v", err)
	}
	e.Close()
	b, err := newContainers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return b
}

func exerciseBackend(t *testing.T, b backend) {
	s := defaults(false, []Option{AppendOnly(), Set("appendfsync", "always")})
	n, err := launch(t.Context(), b, "exercise", &s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.remove(context.WithoutCancel(t.Context())) })
	client := n.Admin(t)
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	n.Pause(t)
	if !n.inst.running(t.Context()) {
		t.Error("a paused server is held for ended")
	}
	n.Resume(t)
	n.Pause(t)
	n.Kill(t) // a paused server can be killed
	if n.inst.running(t.Context()) {
		t.Error("a killed server is held for running")
	}
	n.Restart(t)
	if got, err := client.Get(t.Context(), "k").Result(); got != "v" || err != nil {
		t.Errorf("after the restart: %q, %v", got, err)
	}
	if n.Logs(t) == "" {
		t.Error("no logs")
	}
}

// TestTakenPortIsGivenUp has a stranger on the port of the first attempt.
func TestTakenPortIsGivenUp(t *testing.T) {
	t.Parallel()
	b := require(t)
	s := defaults(false, nil)
	first, err := launch(t.Context(), b, "first", &s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = first.remove(context.WithoutCancel(t.Context())) })
	s.set("port", first.Addr()[len("127.0.0.1:"):])
	_, err = launchOnce(t.Context(), b, "second", &s)
	if !isPortTaken(err) {
		t.Errorf("a server on a taken port: %v, want %v", err, errPortTaken)
	}
}
