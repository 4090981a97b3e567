package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"orchestrator/cmd/orchestrator/internal/config"
)

var update = flag.Bool("update", false, "write what is generated instead of comparing it")

// spoken is what one command line led to.
type spoken struct {
	code      int
	out, err  string
	served    *config.Config
	developed *devOptions
	loaded    *benchOptions
	ran       *runOptions
}

// speak runs a command line whose long-running commands end at once with the error given.
func speak(t *testing.T, environ []string, result error, args ...string) spoken {
	t.Helper()
	var s spoken
	var stdout, stderr bytes.Buffer
	root := newRoot(environ, commands{
		serve: func(_ context.Context, cfg config.Config, _ io.Writer) error { s.served = &cfg; return result },
		dev:   func(_ context.Context, o devOptions, _, _ io.Writer) error { s.developed = &o; return result },
		bench: func(_ context.Context, o benchOptions, _, _ io.Writer) error { s.loaded = &o; return result },
		run:   func(_ context.Context, o runOptions, _ io.Writer) error { s.ran = &o; return result },
	})
	root.SetArgs(append([]string{}, args...))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	s.code = exit(root.ExecuteContext(t.Context()), &stderr)
	s.out, s.err = stdout.String(), stderr.String()
	return s
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"help": {"--help"}, "serve": {"serve", "--help"}, "dev": {"dev", "--help"}, "bench": {"bench", "--help"}, "run": {"run", "--help"}, "version": {"version", "--help"},
		"sessions": {"sessions", "--help"}, "sessions-create": {"sessions", "create", "--help"}, "nodes": {"nodes", "--help"},
		"sessions-import": {"sessions", "import", "--help"}, "sessions-move": {"sessions", "move", "--help"}, "cluster": {"cluster", "--help"},
		"doctor": {"doctor", "--help"},
	} {
		got := speak(t, nil, nil, args...)
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, []byte(got.out), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.code != exitOK || got.err != "" || got.out != string(want) {
			t.Errorf("%s --help does not say what %s says (run `make docs` if it is meant to): code %d, %s%s", name, path, got.code, got.err, got.out)
		}
	}
	if got, help := speak(t, nil, nil), speak(t, nil, nil, "--help"); got.out != help.out || got.code != exitOK {
		t.Error("without a command the program does not show its help")
	}
}

func TestServeGetsWhatWasConfigured(t *testing.T) {
	t.Parallel()
	got := speak(t, []string{"ORCHESTRATOR_MAX_SESSIONS=7"}, nil, "serve", "--node-id=a", "--port=9000", "--seeds=h:1,h:2")
	if got.code != exitOK || got.served == nil || got.served.MaxSessions != 7 || got.served.NodeID != "a" || got.served.Port != 9000 {
		t.Errorf("%+v", got)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		args   []string
		result error
		code   int
		says   string
	}{
		"it ran and failed":      {[]string{"serve"}, errors.New("redis is away"), exitFailure, "orchestrator: redis is away\n"},
		"unknown command":        {[]string{"sreve"}, nil, exitUsage, `unknown command "sreve" for "orchestrator"`},
		"unknown flag":           {[]string{"serve", "--prot=1"}, nil, exitUsage, "orchestrator serve: unknown flag: --prot"},
		"flag without its value": {[]string{"serve", "--port"}, nil, exitUsage, "orchestrator serve: flag needs an argument: --port"},
		"argument too many":      {[]string{"serve", "now"}, nil, exitUsage, `unknown command "now" for "orchestrator serve"`},
		"password as a flag":     {[]string{"serve", "--redis-password=x"}, nil, exitUsage, "unknown flag: --redis-password"},
		"bad value":              {[]string{"serve", "--port=0"}, nil, exitUsage, `orchestrator: port "0" (from --port) must be a whole number from 1 to 65535`},
		"no node":                {[]string{"dev", "--nodes=0"}, nil, exitUsage, `orchestrator: nodes "0" (from --nodes) must be a whole number from 1 to 16`},
		"too many nodes":         {[]string{"dev", "--nodes=17"}, nil, exitUsage, `nodes "17" (from --nodes)`},
		"nodes past the ports":   {[]string{"dev", "--port=65534"}, nil, exitUsage, `port "65534" (from --port) must be a whole number from 0 to 65533, so that each of 3 nodes has one`},
		"unknown level":          {[]string{"dev", "--log-level=loud"}, nil, exitUsage, `logLevel "loud" (from --log-level) must be debug, info, warn or error`},
		"load on nobody":         {[]string{"bench"}, nil, exitUsage, `orchestrator: url "" must name a node or a load balancer`},
		"all that is wrong":      {[]string{"bench", "--url=h", "--body=1"}, nil, exitUsage, "orchestrator: url \"h\" must be http://host:port or https://host:port\norchestrator: body \"1\" must be"},
		"unknown operation":      {[]string{"bench", "--url=http://h", "--mix=make=1"}, nil, exitUsage, `orchestrator: mix "make=1" must be weights such as`},
		"two ends of a load":     {[]string{"bench", "--url=http://h", "--requests=5", "--duration=1s"}, nil, exitUsage, `duration "1s" must be given, or a number of requests`},
		"unknown report":         {[]string{"bench", "--url=http://h", "-o=xml"}, nil, exitUsage, `output "xml" must be table or json`},
		"nothing to run":         {[]string{"run", "--type=a"}, nil, exitUsage, "orchestrator: a command is required, after --\n"},
		"run for nobody":         {[]string{"run", "--", "sh"}, nil, exitUsage, "orchestrator: type is required"},
		"unknown program":        {[]string{"run", "--type=a", "--", "no-such-agent"}, nil, exitUsage, `the command cannot be run: exec: "no-such-agent"`},
		"run beside nothing":     {[]string{"run", "--type=a", "--node=ftp://x", "sh"}, nil, exitUsage, `address "ftp://x" must be http`},
		"all that run is told":   {[]string{"run", "--restart=x", "--workspace=y", "sh"}, nil, exitUsage, `workspace "y" must be`},
		"run that fails":         {[]string{"run", "--type=a", "sh"}, errors.New("no"), exitFailure, "orchestrator: no\n"},
		"doctor in no time":      {[]string{"doctor", "--timeout=0s", "-o=xml"}, nil, exitUsage, "orchestrator: output \"xml\" must be table or json\norchestrator: timeout \"0s\" must be more than nothing\n"},
		"doctor of a node":       {[]string{"doctor", "--max-sessions=1"}, nil, exitUsage, "orchestrator doctor: unknown flag: --max-sessions"},
		"doctor of nobody":       {[]string{"doctor", "--seeds=h", "--partitions=3"}, nil, exitUsage, `partitions "3" (from --partitions) must be a power of two`},
		"unknown output":         {[]string{"version", "-o", "xml"}, nil, exitUsage, `output "xml" (from --output) must be text or json`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := speak(t, nil, row.result, row.args...)
			if got.code != row.code || !strings.Contains(got.err, row.says) || got.out != "" {
				t.Errorf("code %d, out %q, err:\n%s\nwant code %d and:\n%s", got.code, got.out, got.err, row.code, row.says)
			}
		})
	}
}

func TestRunLeavesTheCommandsOwnFlagsAlone(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"run", "--type=a,b", "--", "sh", "-c", "x", "--grace=1s"}, {"run", "--type=a", "--type=b", "sh", "-c", "x", "--grace=1s"}} {
		got := speak(t, []string{"A=b"}, nil, args...)
		if got.code != exitOK || got.ran == nil {
			t.Fatalf("%q: %+v", args, got)
		}
		c := got.ran.config
		if strings.Join(c.Args, " ") != "-c x --grace=1s" || !filepath.IsAbs(c.Path) || strings.Join(c.Types, " ") != "a b" || c.Environ[0] != "A=b" || c.Grace != 5*time.Second {
			t.Errorf("%q: %+v", args, c)
		}
	}
}

// Commands are given an address that any library takes.
func TestRunNamesTheNodeWithItsScheme(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"10.0.0.1:80": "http://10.0.0.1:80", "http://10.0.0.1:80": "http://10.0.0.1:80", "https://n": "https://n"} {
		got := speak(t, nil, nil, "run", "--type=a", "--node="+given, "sh")
		if got.code != exitOK || got.ran.config.API != want {
			t.Errorf("%s: %+v", given, got)
		}
	}
}

func TestDevTakesItsLimits(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"dev"}, {"dev", "--nodes=1", "--port=65535"}, {"dev", "--nodes=16", "--port=0"}, {"dev", "--log-level=debug"}} {
		if got := speak(t, nil, nil, args...); got.code != exitOK || got.developed == nil {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	text := speak(t, nil, nil, "version")
	if text.code != exitOK || !strings.HasPrefix(text.out, "orchestrator ") || !strings.Contains(text.out, runtime.Version()) {
		t.Errorf("%+v", text)
	}
	var b build
	if got := speak(t, nil, nil, "version", "-o", "json"); json.Unmarshal([]byte(got.out), &b) != nil || b.Version == "" || b.Go != runtime.Version() {
		t.Errorf("%+v", got)
	}
}

func TestCompletionKnowsTheValues(t *testing.T) {
	t.Parallel()
	if got := speak(t, nil, nil, "completion", "bash"); got.code != exitOK || !strings.Contains(got.out, "bash completion") {
		t.Errorf("%+v", got)
	}
	got := speak(t, nil, nil, "__complete", "serve", "--strategy", "")
	if !strings.HasPrefix(got.out, "least-connections\nconsistent-hash\nround-robin\n") {
		t.Errorf("%+v", got)
	}
}

func TestAnErrorForTheUserIsOneOfTheProgramToo(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	code := run(t.Context(), []string{"serve", "--port=x", "--weight=y"}, strings.NewReader(""), io.Discard, &stderr, nil)
	if code != exitUsage || strings.Count(stderr.String(), "orchestrator: ") != 2 {
		t.Errorf("code %d:\n%s", code, &stderr)
	}
}
