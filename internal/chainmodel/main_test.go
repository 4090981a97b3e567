package chainmodel

import (
	"flag"
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

var (
	flagRuns    = flag.Int("runs", 0, "runs per variant; default MODEL_RUNS, else a few thousand")
	flagSeed    = flag.Uint64("seed", 1, "first seed")
	flagVariant = flag.String("variant", "", "only the variant or control of this name")
	flagSteps   = flag.Bool("steps", false, "TestReplay: print every step of the run of -seed under -variant")
)

func TestMain(m *testing.M) {
	// The usual lengths are for cheap properties of pure functions; flags given on the command line still win.
	for name, value := range map[string]string{"rapid.checks": strconv.Itoa(2000 / slowdown), "rapid.steps": "80"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// runs is how many runs a variant gets: usual ones by default, fewer under the race detector.
func runs(t *testing.T, usual int) int {
	t.Helper()
	if *flagRuns > 0 {
		return *flagRuns
	}
	if s := os.Getenv("MODEL_RUNS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("MODEL_RUNS: %q is no positive number", s)
		}
		return n
	}
	return max(1, usual/slowdown)
}

// chosen skips what -variant leaves out.
func chosen(t *testing.T, name string) {
	t.Helper()
	if *flagVariant != "" && *flagVariant != name {
		t.Skipf("-variant asks for %s", *flagVariant)
	}
}
