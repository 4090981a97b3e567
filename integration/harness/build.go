package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"orchestrator/internal/redistest/scratch"
)

// program is the package that is built, and buildTags the tags it is built with.
const (
	program   = "orchestrator/cmd/orchestrator"
	buildTags = "nomsgpack"
)

// builds are the binaries of this test binary's run, by what they were built with.
var builds sync.Map

// build builds the program with further tags and arguments of `go build`, once.
func build(tags []string, more ...string) (string, error) {
	all := strings.Join(append([]string{buildTags}, tags...), ",")
	once, _ := builds.LoadOrStore(fmt.Sprint(all, more), sync.OnceValues(func() (string, error) {
		dir, err := scratch.Dir("bin")
		if err != nil {
			return "", err
		}
		out := filepath.Join(dir, "orchestrator")
		// As shipped, and plain even under the race detector: timing is what these
		// tests measure.
		cmd := exec.Command("go", slices.Concat([]string{"build", "-trimpath", "-tags", all, "-o", out}, more, []string{program})...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", program, err, text)
		}
		return out, nil
	}))
	return once.(func() (string, error))()
}

// Build builds the orchestrator, once for each test binary, and returns its path.
func Build(tb testing.TB) string { tb.Helper(); return BuildWith(tb) }

// BuildWith builds the orchestrator with further build tags, once for each test
// binary and set of tags, and returns its path: a program that is broken on
// purpose, to see a test fail.
func BuildWith(tb testing.TB, tags ...string) string {
	tb.Helper()
	path, err := build(tags)
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	return path
}
