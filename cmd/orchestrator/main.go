// Command orchestrator places long-lived agent sessions on a fleet of identical nodes whose only state is Redis.
//
// This package reads the configuration, wires the packages below internal/ together and runs them; it is the only place
// that knows them all.
package main

import (
	"context"
	"os"

	"orchestrator/internal/leash"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == leash.Word { // `run` starts this program so, and nobody else does
		os.Exit(leash.Main(os.Args[2:]))
	}
	ctx, stop := untilSignal(context.Background(), os.Exit)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())
	stop()
	os.Exit(code)
}
