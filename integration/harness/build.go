package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"orchestrator/internal/redistest/scratch"
)

// program is the package that is built, and buildTags the tags it is built with.
const (
	program   = "orchestrator/cmd/orchestrator"
	buildTags = "nomsgpack"
)

// built is the binary of this test binary's run.
var built = sync.OnceValues(func() (string, error) {
	dir, err := scratch.Dir("bin")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "orchestrator")
	// As shipped, and plain even under the race detector: timing is what these
	// tests measure.
	cmd := exec.Command("go", "build", "-trimpath", "-tags", buildTags, "-o", out, program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", program, err, text)
	}
	return out, nil
})

// Build builds the orchestrator, once for each test binary, and returns its path.
func Build(tb testing.TB) string {
	tb.Helper()
	path, err := built()
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	return path
}
