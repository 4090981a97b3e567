// Command peers does the work of a session's create on other systems, in the same way for each: etcd, NATS JetStream, a store on Redis
// with redsync as many teams write it, and a plain SET as the floor. It starts their servers itself, on loopback. README.md says
// what may be compared and what may not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"orchestrator/bench/peers/server"
)

// The exit codes: a variant failed, a flag was refused, a signal came.
const (
	codeFailed      = 1
	codeUsage       = 2
	codeInterrupted = 130
)

func main() {
	if asked, err := server.Serve(os.Args[1:]); asked {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(codeFailed)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run does what args ask for and returns the exit code. What was measured is written though something failed.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "peers:", err)
		return codeUsage
	}
	r, err := compare(ctx, o, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "peers:", err)
	}
	if len(r.Rows) > 0 {
		write := r.Table
		if o.output == "json" {
			write = r.JSON
		}
		err = errors.Join(err, write(stdout))
	}
	switch {
	case ctx.Err() != nil:
		return codeInterrupted
	case err != nil:
		return codeFailed
	default:
		return 0
	}
}
