package harness

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// LogLines returns what the process wrote so far, on either output, by lines.
func (p *Process) LogLines() []string {
	text, err := os.ReadFile(p.log)
	if err != nil || len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(text), "\n"), "\n")
}

// Logged returns the lines that hold all of the texts.
func (p *Process) Logged(texts ...string) []string {
	var found []string
	for _, line := range p.LogLines() {
		if holdsAll(line, texts) {
			found = append(found, line)
		}
	}
	return found
}

// WaitLog waits until the process has written a line that holds all of the
// texts, and returns the first.
func (p *Process) WaitLog(tb testing.TB, limit time.Duration, texts ...string) string {
	tb.Helper()
	var line string
	if !waitFor(tb, limit, func(context.Context) bool {
		if found := p.Logged(texts...); len(found) > 0 {
			line = found[0]
		}
		return line != ""
	}) {
		tb.Fatalf("harness: %s has not logged %q in %s\n%s", p.program.Name, texts, limit, tail(p.LogLines()))
	}
	return line
}

func holdsAll(line string, texts []string) bool {
	for _, t := range texts {
		if !strings.Contains(line, t) {
			return false
		}
	}
	return true
}

// logTail is how many lines of a log are shown when a test fails.
const logTail = 40

func tail(lines []string) string { return strings.Join(lines[max(0, len(lines)-logTail):], "\n") }
