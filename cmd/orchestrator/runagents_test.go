package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"orchestrator/client"
	"orchestrator/client/clienttest"
)

// agents are a fleet in memory, and runners beside its nodes.
type agents struct {
	t      *testing.T
	fleet  *clienttest.Fleet
	url    map[string]string
	client *client.Client
}

func newAgents(t *testing.T) *agents {
	t.Helper()
	return agentsAt(t, "node-1", "node-2")
}

func agentsAt(t *testing.T, nodes ...string) *agents {
	t.Helper()
	a := &agents{t: t, fleet: clienttest.New(nodes...), url: map[string]string{}}
	for _, id := range nodes {
		server := httptest.NewServer(a.fleet.Node(id))
		t.Cleanup(server.Close)
		a.fleet.Reached(id, strings.TrimPrefix(server.URL, "http://"))
		a.url[id] = server.URL
	}
	c, err := client.New(client.Config{Addrs: []string{a.url[nodes[0]]}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	a.client = c
	return a
}

// runBeside runs a script for each session of a node until the test ends.
func (a *agents) runBeside(node, script string) (end func()) {
	a.t.Helper()
	ctx, cancel := context.WithCancel(a.t.Context())
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"run", "--node", a.url[node], "--type", "agent", "--workspace", "ignore", "--record-every", "10ms", "--", "sh", "-c", script},
			nil, io.Discard, a.t.Output(), os.Environ())
	}()
	end = func() {
		cancel()
		if got := await(a.t, "the runner ends", code); got != exitOK {
			a.t.Errorf("run ended with %d", got)
		}
		code <- exitOK
	}
	a.t.Cleanup(end)
	return end
}

func (a *agents) session(node string) client.Session {
	a.t.Helper()
	s, err := a.client.CreateSession(a.t.Context(), client.Draft{Type: "agent", Name: "one", Workspace: "/nowhere", Placement: client.Placement{Node: node}})
	if err != nil {
		a.t.Fatal(err)
	}
	return s
}

func (a *agents) input(id string, data any) {
	a.t.Helper()
	if _, err := a.client.Publish(a.t.Context(), id, client.Publication{}, client.MessageDraft{Kind: "input", Data: data}); err != nil {
		a.t.Fatal(err)
	}
}

// says waits until a session's messages have said so much.
func (a *agents) says(id string, want ...string) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), time.Minute)
	defer cancel()
	var said []string
	for m, err := range a.client.FollowMessages(ctx, id, client.MessageSelection{Kinds: []string{"output", "error"}}) {
		if err != nil {
			a.t.Fatalf("%v; said so far: %q, want %q", err, said, want)
		}
		var text string
		if err := json.Unmarshal(m.Data, &text); err != nil {
			a.t.Fatal(err)
		}
		if said = append(said, text); len(said) == len(want) {
			break
		}
	}
	if !slices.Equal(said, want) {
		a.t.Fatalf("it says %q, want %q", said, want)
	}
}

const echoes = `echo "up at $ORCHESTRATOR_EPOCH"; while read l; do echo "$l at $ORCHESTRATOR_EPOCH"; test "$l" != end || exit 0; done`

func TestAnAgentMovesWithItsSession(t *testing.T) {
	t.Parallel()
	a := newAgents(t)
	a.runBeside("node-1", echoes)
	a.runBeside("node-2", echoes)
	s := a.session("node-1")
	said := []string{"up at 1", "one at 1"}
	a.input(s.ID, "one")
	a.says(s.ID, said...)
	if _, err := a.client.MigrateSession(t.Context(), s.ID, "node-2"); err != nil {
		t.Fatal(err)
	}
	a.input(s.ID, map[string]any{"two": 2})
	a.input(s.ID, "end")
	a.says(s.ID, append(said, "up at 2", `{"two":2} at 2`, "end at 2")...)
	for s.Status != client.Completed {
		var err error
		if s, err = a.client.GetSession(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
	}
	if s.Labels["runner.exit"] != "0" || s.Labels["runner.after"] == "" {
		t.Errorf("labels %v", s.Labels)
	}
}

// An agent is moved to another fleet with its session: the one there goes on behind the input that it has read, and is told nothing twice.
func TestAnAgentGoesOnInAnotherFleet(t *testing.T) {
	t.Parallel()
	a, b := newAgents(t), agentsAt(t, "other")
	a.runBeside("node-1", echoes)
	b.runBeside("other", echoes)
	s := a.session("node-1")
	said := []string{"up at 1", "one at 1"}
	a.input(s.ID, "one")
	a.says(s.ID, said...)
	for s.Labels["runner.after"] == "" { // recorded while it runs
		var err error
		if s, err = a.client.GetSession(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
	}
	code, out, stderr := typed(t, "", nil, "sessions", "move", "--from", a.url["node-1"], "--to", b.url["other"], "--settle=10ms")
	if code != exitOK || stderr != "" {
		t.Fatalf("code %d: %s%s", code, out, stderr)
	}
	there := strings.Fields(out)[1]
	b.input(there, "end")
	b.says(there, append(said, "up at 1", "end at 1")...)
}

// The node stops for good in the middle; the runner comes back with it and goes on behind the last input that was read.
func TestAnAgentGoesOnWhenItsNodeIsBack(t *testing.T) {
	t.Parallel()
	a := newAgents(t)
	a.runBeside("node-1", echoes)
	s := a.session("node-1")
	a.input(s.ID, "one")
	a.says(s.ID, "up at 1", "one at 1")
	for s.Labels["runner.after"] == "" { // recorded while it runs
		var err error
		if s, err = a.client.GetSession(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
	}
	a.fleet.Stop("node-1")
	a.fleet.Start("node-1")
	a.input(s.ID, "end")
	a.says(s.ID, "up at 1", "one at 1", "up at 1", "end at 1")
}

// The agent of README.md keeps what it knows in its session's context.
func TestTheReadmesAgentGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "cat > agent.sh <<'EOF'\n")
	script, _, found := strings.Cut(rest, "\nEOF\n")
	if !found {
		t.Fatal("README.md has no agent.sh")
	}
	a := newAgents(t)
	for _, node := range []string{"node-1", "node-2"} {
		a.runBeside(node, "cd "+t.TempDir()+"\n"+script)
	}
	s := a.session("node-1")
	a.input(s.ID, 30)
	a.input(s.ID, "10")
	said := []string{"epoch 1 begins with 0", "30", "40"}
	a.says(s.ID, said...)
	if _, err := a.client.MigrateSession(t.Context(), s.ID, "node-2"); err != nil {
		t.Fatal(err)
	}
	a.input(s.ID, 2)
	a.says(s.ID, append(said, "epoch 2 begins with 40", "42")...)
}

func TestARunnerNeedsMessages(t *testing.T) {
	t.Parallel()
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"name":"orchestrator","version":"0.1","routes":["GET /v1/sessions/{id}"]}`)
	}))
	defer old.Close()
	var stderr bytes.Buffer
	code := run(t.Context(), []string{"run", "--node", old.URL, "--type", "a", "true"}, nil, io.Discard, &stderr, os.Environ())
	if code != exitFailure || !strings.Contains(stderr.String(), "POST /v1/sessions/{id}/messages") {
		t.Errorf("code %d: %s", code, &stderr)
	}
}

// The runner's process is killed, or told twice to end. What it ran holds a pipe in every process, some of them in sessions of their own;
// the pipe's end tells that all are gone.
func TestAgentsDoNotOutliveTheirRunner(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signals []syscall.Signal
		code    int
	}{
		"killed":     {[]syscall.Signal{syscall.SIGKILL}, -1},
		"told twice": {[]syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}, 143},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAgents(t)
			a.session("node-1")
			fifo := filepath.Join(t.TempDir(), "alive")
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			script := "exec 9>" + fifo + `; trap 'echo told >&9' TERM; (setsid sh -c 'trap "" TERM; sleep 1000' &); sleep 1000 & echo up >&9; while :; do sleep 0.1; done`
			cmd := exec.Command(os.Args[0], "run", "--node", a.url["node-1"], "--type", "agent", "--workspace", "ignore", "--shutdown-grace", "1h", "--", "sh", "-c", script)
			cmd.Env = append(os.Environ(), asProcess+"=program")
			cmd.Stderr = t.Output()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			alive, err := os.Open(fifo)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = alive.Close() }()
			lines := bufio.NewScanner(alive)
			for i, s := range c.signals {
				if want := []string{"up", "told"}[i]; !lines.Scan() || lines.Text() != want {
					t.Fatalf("it says %q, want %q", lines.Text(), want)
				}
				if err := cmd.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			for lines.Scan() {
				t.Errorf("it says %q", lines.Text())
			}
			var ended *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &ended) || ended.ExitCode() != c.code {
				t.Errorf("ended with %v, want code %d", err, c.code)
			}
		})
	}
}
