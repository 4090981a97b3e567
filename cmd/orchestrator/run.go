package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// What the program says of its end to whoever started it.
const (
	exitOK      = 0
	exitFailure = 1 // it ran and failed: Redis out of reach, a port taken
	exitUsage   = 2 // it was asked for something impossible: a flag, a key, a value
)

// run is the program without its process: one command line, from its words to its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	root := newRoot(environ, commands{serve: serve, dev: dev, bench: runBench, run: runAgents})
	root.SetArgs(append([]string{}, args...)) // never nil, for which cobra would take the process's own
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exit(root.ExecuteContext(ctx), stderr)
}

// failure is an error of a command that was understood and did not succeed. All other errors are the caller's to mend.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

func failed(err error) error {
	if err == nil {
		return nil
	}
	return failure{err}
}

// exit tells the error, a line for each that is joined in it, and returns the exit code.
func exit(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(stderr, "orchestrator: "+line)
	}
	if errors.As(err, &failure{}) {
		return exitFailure
	}
	fmt.Fprintln(stderr, "Run 'orchestrator help' or read docs/configuration.md.")
	return exitUsage
}
