package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestAnInterruptEndsEverything is an interrupt as soon as a server runs.
func TestAnInterruptEndsEverything(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"redsync", "nats"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needRedis(t, name)
			ctx, interrupt := context.WithCancel(t.Context())
			dir := t.TempDir()
			go func() {
				awaitLog(ctx, dir)
				interrupt()
			}()
			if code := run(ctx, []string{"-peer", name, "-duration", "1h", "-dir", dir}, io.Discard, io.Discard); code != codeInterrupted {
				t.Errorf("exit code %d, want %d", code, codeInterrupted)
			}
			checkEmpty(t, dir)
		})
	}
}

// awaitLog waits until a server below dir has logged something.
func awaitLog(ctx context.Context, dir string) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		logs, _ := filepath.Glob(filepath.Join(dir, "*", "log"))
		for _, path := range logs {
			if info, err := os.Stat(path); err == nil && info.Size() > 0 {
				return
			}
		}
	}
}
