package main

import (
	"os"
	"testing"

	"orchestrator/internal/leash"
	"orchestrator/internal/redistest"
)

// asProcess makes the test binary be another program: tests of signals and exit codes need a process of their own.
const asProcess = "ORCHESTRATOR_TEST_AS_PROCESS"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == leash.Word {
		main()
	}
	switch os.Getenv(asProcess) {
	case "program":
		main()
	case "signals":
		waitForSignals()
	}
	redistest.Main(m)
}
