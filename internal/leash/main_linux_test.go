package leash

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// asKeeper makes the test binary a keeper that can be stopped and killed: its value is the script that it runs.
const asKeeper = "LEASH_TEST_KEEPER"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Word {
		os.Exit(Main(os.Args[2:]))
	}
	if script := os.Getenv(asKeeper); script != "" {
		keep(script)
	}
	goleak.VerifyTestMain(m)
}
