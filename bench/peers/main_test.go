package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"orchestrator/bench/peers/peer"
	"orchestrator/bench/peers/report"
	"orchestrator/bench/peers/server"
)

// TestMain lets this test binary be a server, as the program is when it starts itself again.
func TestMain(m *testing.M) {
	if asked, err := server.Serve(os.Args[1:]); asked {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(codeFailed)
	}
	os.Exit(m.Run())
}

// TestEveryPeerIsMeasured is the whole program, small: every create, read and takeover succeeds, and what was read was what had been
// written, or it would be an error.
func TestEveryPeerIsMeasured(t *testing.T) {
	t.Parallel()
	for _, name := range peer.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needRedis(t, name)
			dir := t.TempDir()
			var out, log bytes.Buffer
			code := run(t.Context(), []string{"-peer", name, "-callers", "8", "-sessions", "200", "-takeover", "50", "-rounds", "1",
				"-dir", dir, "-o", "json"}, &out, &log)
			if code != 0 {
				t.Fatalf("exit code %d\n%s", code, log.String())
			}
			var r report.Report
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			checkRows(t, name, r.Rows)
			checkEmpty(t, dir)
		})
	}
}

func checkRows(t *testing.T, name string, rows []report.Row) {
	t.Helper()
	want := map[string]int{report.Create: 200, report.Read: 200, report.TakeOver: 50}
	operations := len(want)
	if name == "raw" {
		operations-- // the floor knows no owners
	}
	if n := len(chosen([]string{name})) * operations; len(rows) != n {
		t.Errorf("%d rows, want %d", len(rows), n)
	}
	for _, row := range rows {
		if row.Operations != want[row.Operation] || row.Errors != 0 || row.RenewalErrors != 0 {
			t.Errorf("%s %s: %d operations, %d errors (%s), want %d, 0", row.Variant, row.Operation, row.Operations, row.Errors,
				row.FirstError, want[row.Operation])
		}
		if row.PerSecond <= 0 || row.P50Micros <= 0 || row.P99Micros < row.P50Micros || row.Durability == "" {
			t.Errorf("%s %s: not measured: %+v", row.Variant, row.Operation, row)
		}
	}
}

// checkEmpty says what servers left behind.
func checkEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// needRedis skips what cannot be run without redis-server.
func needRedis(t *testing.T, name string) {
	t.Helper()
	if err := ready(t.Context(), options{}, chosen([]string{name})); err != nil {
		t.Skip(err)
	}
}

// TestAnotherRedisIsLeftAsItWas runs on a server that the program did not start.
func TestAnotherRedisIsLeftAsItWas(t *testing.T) {
	t.Parallel()
	needRedis(t, "redsync")
	s, err := server.Start(t.Context(), peer.Redis, t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	var log bytes.Buffer
	code := run(t.Context(), []string{"-peer", "raw,redsync", "-callers", "4", "-sessions", "50", "-rounds", "1", "-redis", s.Addr}, io.Discard, &log)
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, log.String())
	}
	if n := keys(t, s.Addr); n != 0 {
		t.Errorf("%d keys left", n)
	}
}
