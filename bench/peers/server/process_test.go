package server

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// sh starts a shell in the place of a server.
func sh(t *testing.T, script string) *process {
	t.Helper()
	p, err := spawn("sh", t.TempDir(), nil, func(string) *exec.Cmd { return exec.Command("sh", "-c", script) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(p.dir); !os.IsNotExist(err) {
			t.Errorf("its directory is still there: %v", err)
		}
	})
	return p
}

func TestAServerThatEndsIsToldWithItsLog(t *testing.T) {
	t.Parallel()
	p := sh(t, "echo no room; exit 3")
	ctx, cancel := p.watch(t.Context())
	defer cancel()
	<-ctx.Done()
	why := context.Cause(ctx).Error()
	for _, want := range []string{"sh: ended by itself (exit status 3)", "no room"} {
		if !strings.Contains(why, want) {
			t.Errorf("no %q in %q", want, why)
		}
	}
}

func TestALogIsCutToItsEnd(t *testing.T) {
	t.Parallel()
	p := sh(t, "exit 0")
	<-p.exited
	if err := os.WriteFile(p.log(), []byte(strings.Repeat("x", 2*tail)+"the end"), 0o600); err != nil {
		t.Fatal(err)
	}
	if why := p.failed(os.ErrDeadlineExceeded).Error(); len(why) > tail+200 || !strings.HasSuffix(why, "the end") {
		t.Errorf("%d bytes: ...%s", len(why), why[len(why)-20:])
	}
}

func TestProcessorTimeIsRead(t *testing.T) {
	t.Parallel()
	p := sh(t, "while :; do :; done")
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		used, err := used(p.proc.Pid)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if used > 0 {
			return
		}
		<-tick.C
	}
}

func TestOnlyKnownServersAreServed(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"serve-etcd"}, {"serve-redis", t.TempDir()}, {"-peer", "etcd"}} {
		if asked, err := Serve(args); asked || err != nil {
			t.Errorf("%v: %v, %v", args, asked, err)
		}
	}
}
