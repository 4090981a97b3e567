package runner

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"orchestrator/internal/leash"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == leash.Word {
		os.Exit(leash.Main(os.Args[2:]))
	}
	goleak.VerifyTestMain(m)
}
