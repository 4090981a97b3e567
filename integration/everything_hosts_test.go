package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"orchestrator/client"
	"orchestrator/integration/harness"
)

// summer is a session whose agent adds up its input, beside whichever node owns it, and keeps the sum in its context.
type summer struct {
	id  string
	fed int // inputs of 1 that were acknowledged
}

// startSummer starts a runner beside each node, and the session.
func startSummer(t *testing.T, f fleetOf, c *client.Client) *summer {
	t.Helper()
	dir := t.TempDir()
	agent := filepath.Join(dir, "agent.sh")
	if err := os.WriteFile(agent, []byte(sumAgent), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, node := range f.nodes {
		harness.Start(t, harness.Program{Name: fmt.Sprint("runner-", i+1), Path: harness.Build(t),
			Args: []string{"run", "--node", node.URL(), "--type", "sum", "--workspace", "create", "--restart-pause", "100ms", "--", agent}})
	}
	s, err := c.CreateSession(t.Context(), client.Draft{Type: "sum", Name: "sum", Workspace: filepath.Join(dir, "work")})
	if err != nil {
		t.Fatal(err)
	}
	return &summer{id: s.ID}
}

// feed publishes input until ctx ends, no faster than a shell script reads it.
func (s *summer) feed(ctx context.Context, t *testing.T, c *client.Client) {
	pace := time.NewTicker(200 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		one := client.MessageDraft{Kind: "input", Data: 1}
		if _, err := c.Publish(context.WithoutCancel(ctx), s.id, client.Publication{IdempotencyKey: fmt.Sprint("in", s.fed)}, one); err != nil {
			t.Errorf("input: %v", err)
			return
		}
		s.fed++
	}
}

// check holds that the agent has read all of its input: some of it more than once, where it went on at another node.
func (s *summer) check(t *testing.T, c *client.Client) {
	t.Helper()
	eventually(t, 60*time.Second, func() string {
		sum, err := c.GetContext(t.Context(), s.id)
		if n, _ := strconv.Atoi(string(sum.Data)); err != nil || n < s.fed {
			return fmt.Sprintf("of %d inputs the agent has added up %q, %v", s.fed, sum.Data, err)
		}
		return ""
	})
	page, err := c.Messages(t.Context(), s.id, client.MessageSelection{Kinds: []string{"output"}})
	if err != nil || len(page.Messages) == 0 {
		t.Errorf("the agent has said %+v, %v", page, err)
	}
	t.Logf("%d inputs", s.fed)
	if err := c.DeleteSession(t.Context(), s.id, client.Condition{}); err != nil {
		t.Error(err)
	}
}

// importer imports the sessions of a program that is no fleet, some at a time, and each time those before once more.
type importer struct {
	url    string
	lines  []string
	failed int // imports that were given up, and run again
}

func (m *importer) run(ctx context.Context, t *testing.T) {
	for ctx.Err() == nil {
		for range 10 {
			m.lines = append(m.lines, fmt.Sprintf(`{"id":"legacy-%d","type":"imported","name":"n%d","workspace":"/w"}`, len(m.lines), len(m.lines)))
		}
		for ctx.Err() == nil && m.imports(t, m.lines[max(0, len(m.lines)-20):]) != nil {
			m.failed++ // no node answered for as long as it asks
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond): // it shares the machine with all else
		}
	}
}

func (m *importer) imports(t *testing.T, lines []string) error {
	t.Helper()
	out, err := m.orchestrator(t, strings.Join(lines, "\n"), "import", "--concurrency", "2")
	if err == nil && !strings.Contains(out, " 0 refused") {
		t.Errorf("import: %s", out)
	}
	return err
}

// orchestrator runs the command line.
func (m *importer) orchestrator(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), harness.Build(t), append([]string{"sessions", args[0], "--url", m.url}, args[1:]...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("%w: %s%s", err, out, failed.Stderr)
	}
	return string(out), err
}

// check holds that each was made once, that an export has them all, and ends them.
func (m *importer) check(t *testing.T, c *client.Client) {
	t.Helper()
	if err := m.imports(t, m.lines); err != nil {
		t.Errorf("import in the end: %v", err)
	}
	out, err := m.orchestrator(t, "", "export", "-l", "imported-from")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out, "\n"); n != len(m.lines) {
		t.Errorf("%d lines were exported, %d imported", n, len(m.lines))
	}
	made := map[string]int{}
	for s, err := range c.AllSessions(t.Context(), client.Selection{Selector: "imported-from"}) {
		if err != nil {
			t.Fatal(err)
		}
		made[s.Labels["imported-from"]]++
		if err := c.DeleteSession(t.Context(), s.ID, client.Condition{}); err != nil {
			t.Error(err)
		}
	}
	for i := range m.lines {
		if id := fmt.Sprint("legacy-", i); made[id] != 1 {
			t.Errorf("%s was made %d times", id, made[id])
		}
	}
	t.Logf("%d sessions were imported; %d imports were run again", len(m.lines), m.failed)
}
