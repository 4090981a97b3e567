package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// waitForSignals is what a process of its own does in the test below: it stops at the first signal and never finishes.
func waitForSignals() {
	ctx, _ := untilSignal(context.Background(), os.Exit)
	fmt.Println("started")
	<-ctx.Done()
	fmt.Println("stopping")
	select {}
}

func TestTheFirstSignalStopsAndTheSecondEnds(t *testing.T) {
	t.Parallel()
	for sig, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0])
			cmd.Env = append(os.Environ(), asProcess+"=signals")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			for _, want := range []string{"started", "stopping"} {
				if !lines.Scan() || lines.Text() != want {
					t.Fatalf("the process says %q, not %q", lines.Text(), want)
				}
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
			}
			var ended *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &ended) || ended.ExitCode() != code {
				t.Errorf("ended with %v, want code %d", err, code)
			}
		})
	}
}

func TestWithoutASignalNothingIsLeft(t *testing.T) {
	t.Parallel()
	ctx, stop := untilSignal(t.Context(), func(code int) { t.Errorf("ended with code %d", code) })
	stop()
	<-ctx.Done()
}
