package harness

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"orchestrator/internal/redistest/scratch"
)

// Clock says how wrong a program's clocks are, if it is one of [BuildSkewed].
type Clock struct {
	Ahead time.Duration // of its wall clock; whole seconds, negative: behind
	Rate  int           // of its monotonic clock, in percent of the true one
}

// Env is the clock as the program's environment.
func (c Clock) Env() []string {
	return []string{stepVariable + "=" + strconv.Itoa(int(c.Ahead/time.Second)), rateVariable + "=" + strconv.Itoa(c.Rate)}
}

const (
	stepVariable = "SKEWED_CLOCK_SECONDS"
	rateVariable = "SKEWED_CLOCK_PERCENT"
)

// BuildSkewed builds the orchestrator over a package time whose clocks go as a
// [Clock] says, once for each test binary. No library can be put before a static
// program to lie to it about the time. Timers take as long as ever.
func BuildSkewed(tb testing.TB) string {
	tb.Helper()
	overlay, err := overlaid()
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	path, err := build(nil, "-overlay", overlay)
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	return path
}

// overlaid writes the file that `go build -overlay` wants, once, and returns its path.
var overlaid = sync.OnceValues(func() (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("where Go's own sources are: %w", err)
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	skewed, err := skew(string(source))
	if err != nil {
		return "", err
	}
	dir, err := scratch.Dir("overlay")
	if err != nil {
		return "", err
	}
	replacement, list := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{original: replacement}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(replacement, []byte(skewed), 0o600); err != nil {
		return "", err
	}
	return list, os.WriteFile(list, text, 0o600)
})

// reads are where package time reads the clocks, and how often: another version of Go may do it elsewhere.
var reads = []struct {
	what, by string
	times    int
}{
	{"\tmono -= startNano\n\tsec += unixToInternal - minWall\n", "\tmono = skewed(mono - startNano)\n\tsec += unixToInternal - minWall + skewedSeconds\n", 1},
	{"runtimeNano()-startNano", "skewed(runtimeNano()-startNano)", 2},
}

// skew returns the source of package time's clocks, made wrong as the environment says.
func skew(source string) (string, error) {
	for _, r := range reads {
		if n := strings.Count(source, r.what); n != r.times {
			return "", fmt.Errorf("this Go's package time has %q %d times, not %d: it cannot be skewed", r.what, n, r.times)
		}
		source = strings.ReplaceAll(source, r.what, r.by)
	}
	const imports = "import (\n"
	if !strings.Contains(source, imports) {
		return "", fmt.Errorf("this Go's package time imports in another way: it cannot be skewed")
	}
	return strings.Replace(source, imports, imports+"\t\"syscall\"\n", 1) + fmt.Sprintf(`
var skewedSeconds, skewedPercent = skewedBy(%q, 0), skewedBy(%q, 100)

func skewedBy(name string, otherwise int64) int64 {
	text, set := syscall.Getenv(name)
	if !set {
		return otherwise
	}
	n, err := atoi(text)
	if err != nil {
		panic(name + ": " + err.Error())
	}
	return int64(n)
}

func skewed(nanos int64) int64 { return nanos / 100 * skewedPercent }
`, stepVariable, rateVariable), nil
}
