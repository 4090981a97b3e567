package integration

import (
	"fmt"
	"os"
	"os/exec"
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
	for _, block := range readmeBlocks(t) {
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			switch {
			case line == "make test":
				ran++
			case line == "go run ./cmd/orchestrator dev":
				runDev(t, readmeCurls(t))
				ran++
			case strings.HasPrefix(line, "orchestrator serve "):
				runServe(t, line)
				ran++
			case strings.HasPrefix(line, "orchestrator bench "):
				runBench(t, line)
				ran++
			case strings.HasPrefix(line, "curl "): // run by runDev
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
	for _, block := range readmeBlocks(t) {
		for line := range strings.Lines(block) {
			if strings.HasPrefix(line, "curl ") {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	return lines
}

// runDev runs the README's curl lines, address aside to the letter, against the three nodes of `dev`.
func runDev(t *testing.T, curls []string) {
	t.Helper()
	port := redistest.Port(t)
	dev := harness.Start(t, harness.Program{Name: "dev", Addr: fmt.Sprint("127.0.0.1:", port), Path: harness.Build(t),
		Args: []string{"dev", "--nodes", "1", "--port", fmt.Sprint(port)}})
	dev.WaitReady(t)
	dev.WaitLog(t, 10*time.Second, "Nothing survives")
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
