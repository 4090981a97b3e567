package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// Env names the environment variable that says where real Redis comes from:
// empty (tests that need one are skipped), "auto", "docker" or "process".
const Env = "ORCHESTRATOR_TEST_REDIS"

// skipLine is what a skipped test says.
const skipLine = "needs a real Redis: run `make test`"

// Require skips the test, by name, where no real Redis was asked for.
func Require(tb testing.TB) { tb.Helper(); require(tb) }

// require returns the way servers are started here, or skips the test.
func require(tb testing.TB) backend {
	tb.Helper()
	mode := os.Getenv(Env)
	if mode == "" {
		tb.Skip(skipLine)
	}
	w, err := chosen.get(func() (*way, error) {
		b, err := choose(context.WithoutCancel(tb.Context()), mode)
		if err != nil {
			return nil, err
		}
		fmt.Fprintln(os.Stderr, "redistest: "+b.line())
		return &way{b}, nil
	})
	if err != nil {
		tb.Fatalf("redistest: %s=%s: %v", Env, mode, err)
	}
	return w.backend
}

// way is the backend this test binary settled on.
type way struct{ backend }

// choose finds the way for a mode, and says why it is this one.
func choose(ctx context.Context, mode string) (backend, error) {
	switch mode {
	case "process":
		return newProcesses(ctx, "asked for")
	case "docker":
		return newContainers(ctx)
	case "auto":
		c, err := newContainers(ctx)
		if err == nil {
			return c, nil
		}
		p, missing := newProcesses(ctx, "no containers: "+oneLine(err))
		if missing != nil {
			return nil, errors.Join(err, missing)
		}
		return p, nil
	default:
		return nil, errors.New("unknown value; want auto, docker or process")
	}
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
