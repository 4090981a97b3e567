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
	flagTrace   = flag.Bool("trace", false, "TestReplay: print every step of the run of -seed under -variant")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
