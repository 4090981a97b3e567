package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// readmeBlocks returns the shell blocks of README.md, continuation lines joined.
func readmeBlocks(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(raw), -1) {
		blocks = append(blocks, strings.ReplaceAll(m[1], "\\\n", " "))
	}
	return blocks
}

// Every command of README.md is run: the curl lines against a fleet of `dev`, `serve` on a real cluster; `make test` is what runs this test.
func TestReadmeCommandsWork(t *testing.T) {
	t.Parallel()
	redistest.Single(t) // with the other tests of the built program; skips by name where none was asked for
	ran := 0
	agents, blocks := agentBlocks(readmeBlocks(t))
	runAgents(t, strings.Join(agents, ""))
	for _, block := range blocks {
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			switch {
			case line == "make test":
				ran++
			case line == "go run ./cmd/orchestrator dev":
				runDev(t, readmeCurls(t), readmeAsks(t))
				ran++
			case strings.HasPrefix(line, "orchestrator serve "):
				runServe(t, line)
				ran++
			case strings.HasPrefix(line, "orchestrator bench "):
				runBench(t, line)
				ran++
			case strings.HasPrefix(line, "curl "), asksAFleet(line): // run by runDev
				ran++
			default:
				t.Errorf("README.md has a command that no test runs: %s", line)
			}
		}
	}
	if ran < 9 {
		t.Fatalf("%d commands in README.md", ran)
	}
}

func readmeCurls(t *testing.T) (lines []string) {
	t.Helper()
	_, blocks := agentBlocks(readmeBlocks(t))
	for _, block := range blocks {
		for line := range strings.Lines(block) {
			if strings.HasPrefix(line, "curl ") {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	return lines
}

// asksAFleet reports whether a line is one of the commands that ask a fleet.
func asksAFleet(line string) bool {
	return regexp.MustCompile(`^orchestrator (sessions|nodes|cluster) `).MatchString(line)
}

func readmeAsks(t *testing.T) (lines []string) {
	t.Helper()
	for _, block := range readmeBlocks(t) {
		for line := range strings.Lines(block) {
			if line = strings.TrimSpace(line); asksAFleet(line) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// runAsks runs the README's commands that ask a fleet, in their order and in one directory.
func runAsks(t *testing.T, lines []string, addr string) {
	t.Helper()
	dir := t.TempDir()
	for _, line := range lines {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", harness.Build(t)+strings.TrimPrefix(strings.ReplaceAll(line, "127.0.0.1:8080", addr), "orchestrator"))
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "ORCHESTRATOR_URL=http://"+addr)
		out, err := cmd.CombinedOutput()
		if silent := strings.Contains(line, ">"); err != nil || (len(out) == 0) != silent {
			t.Errorf("%s\nends with %v:\n%s", line, err, out)
		}
	}
}

// runDev runs the README's curl lines, address aside to the letter, against the three nodes of `dev`, then the commands that ask a fleet.
func runDev(t *testing.T, curls, asks []string) {
	t.Helper()
	port := redistest.Port(t)
	dev := harness.Start(t, harness.Program{Name: "dev", Addr: fmt.Sprint("127.0.0.1:", port), Path: harness.Build(t),
		Args: []string{"dev", "--nodes", "1", "--port", fmt.Sprint(port)}})
	dev.WaitReady(t)
	dev.WaitLog(t, 10*time.Second, "Nothing survives")
	defer runAsks(t, asks, dev.Addr())
	for _, line := range curls {
		if _, err := exec.LookPath("curl"); err != nil {
			t.Log("curl is not installed: its lines are not run")
			return
		}
		out, err := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(line, "127.0.0.1:8080", dev.Addr())).CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "{") || strings.Contains(string(out), "urn:orchestrator:problem") {
			t.Errorf("%s\nanswers %s %v", line, out, err)
		}
	}
}

// agentBlocks are the blocks of the section about agents, which are one script together.
func agentBlocks(blocks []string) (agents, others []string) {
	for _, block := range blocks {
		if strings.Contains(block, "agent.sh") {
			agents = append(agents, block)
		} else {
			others = append(others, block)
		}
	}
	return agents, others
}

// runAgents runs the README's agents, addresses and patience aside to the letter, beside three nodes.
func runAgents(t *testing.T, script string) {
	t.Helper()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Logf("%s is not installed: the agents are not run", tool)
			return
		}
	}
	var ports []string
	for i, url := range threeNodes(t) {
		port := url[strings.LastIndex(url, ":")+1:]
		ports = append(ports, port)
		script = strings.ReplaceAll(script, fmt.Sprint("127.0.0.1:", 8080+i), "127.0.0.1:"+port)
	}
	script = strings.ReplaceAll(script, "for port in 8080 8081 8082", "for port in "+strings.Join(ports, " "))
	script = strings.ReplaceAll(script, "/tmp/orchestrator-sum", t.TempDir())
	script = strings.ReplaceAll(script, "sleep 3", "sleep 10") // this machine may be busy
	cmd := exec.CommandContext(t.Context(), "bash", "-c", "trap 'kill $(jobs -p); wait' EXIT\n"+script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(harness.Build(t))+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"42"`) {
		t.Errorf("the agents of README.md end with %v:\n%s", err, out)
	}
}

// threeNodes are those of `dev`.
func threeNodes(t *testing.T) (urls []string) {
	t.Helper()
	dev := harness.Start(t, harness.Program{Name: "dev", Path: harness.Build(t), Args: []string{"dev", "--nodes", "3", "--port", "0"}})
	dev.WaitLog(t, 30*time.Second, "Nothing survives")
	for _, node := range []string{"node-1", "node-2", "node-3"} {
		urls = append(urls, strings.Fields(dev.Logged("  " + node + " ")[0])[1])
	}
	return urls
}

// runBench runs the README's `bench`, addresses and duration aside to the letter, against the two nodes of `dev`.
func runBench(t *testing.T, line string) {
	t.Helper()
	dev := harness.Start(t, harness.Program{Name: "dev", Path: harness.Build(t), Args: []string{"dev", "--nodes", "2", "--port", "0"}})
	dev.WaitLog(t, 30*time.Second, "Nothing survives")
	var urls []string
	for _, node := range []string{"node-1", "node-2"} {
		urls = append(urls, strings.Fields(dev.Logged("  " + node + " ")[0])[1])
	}
	line = regexp.MustCompile(`--url \S+`).ReplaceAllString(line, "--url "+strings.Join(urls, ","))
	line = regexp.MustCompile(`--duration \S+`).ReplaceAllString(line, "--duration 1s")
	out, err := exec.CommandContext(t.Context(), harness.Build(t), strings.Fields(line)[1:]...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "eventual") {
		t.Errorf("%s\nends with %v:\n%s", line, err, out)
	}
}

// runServe starts the README's `serve`, with loopback in place of its addresses.
func runServe(t *testing.T, line string) {
	t.Helper()
	cluster := redistest.Shared(t)
	port := redistest.Port(t)
	line = regexp.MustCompile(`--seeds \S+`).ReplaceAllString(line, "--seeds "+strings.Join(cluster.Addrs()[:3], ","))
	line = regexp.MustCompile(`10\.0\.0\.\d+`).ReplaceAllString(line, "127.0.0.1")
	line = strings.ReplaceAll(line, "--port 8080", fmt.Sprint("--port ", port))
	args := append(strings.Fields(line)[1:], "--prefix", redistest.Prefix(t))
	harness.Start(t, harness.Program{Name: "serve", Addr: fmt.Sprint("127.0.0.1:", port), Path: harness.Build(t), Args: args}).WaitReady(t)
}
