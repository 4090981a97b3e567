package sessionstore

import (
	"flag"
	"os"
	"strconv"
	"testing"

	"orchestrator/internal/redistest"
)

var (
	flagRuns    = flag.Int("runs", 0, "interleaved runs per variant; default STORE_RUNS, else as many as fit into a few seconds")
	flagSeed    = flag.Uint64("seed", 1, "the first seed of the interleaved runs")
	flagVariant = flag.String("variant", "", "only the interleaved variant or control of this name")
	flagTell    = flag.Bool("tell", false, "print every step of the interleaved runs")
)

func TestMain(m *testing.M) { redistest.Main(m) }

// asked is how many runs were asked for; 0: none, the usual ones.
func asked(t *testing.T) int {
	t.Helper()
	text := os.Getenv("STORE_RUNS")
	if *flagRuns > 0 || text == "" {
		return *flagRuns
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("STORE_RUNS: %q is no positive number", text)
	}
	return n
}
