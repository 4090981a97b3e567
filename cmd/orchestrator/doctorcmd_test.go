package main

import (
	"encoding/json"
	"strings"
	"testing"

	"orchestrator/internal/doctor"
	"orchestrator/internal/redistest"
)

// The exit code tells failures from warnings, and JSON says what the lines say.
func TestDoctor(t *testing.T) {
	t.Parallel()
	seeds := []string{"doctor", "--prefix=" + redistest.Prefix(t), "--seeds=" + redistest.Single(t).Addr()}
	for name, row := range map[string]struct {
		more []string
		code int
		says string
	}{
		"a healthy one": {nil, exitOK, "ok    meta         no fleet yet at "},
		"half of it":    {[]string{"--seeds=127.0.0.1:1"}, exitFailure, "fail  reach        127.0.0.1:1 does not tell about itself"},
		"no time":       {[]string{"--timeout=1ns"}, exitFailure, "fail  reach        "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := speak(t, nil, nil, append(seeds[:len(seeds):len(seeds)], row.more...)...)
			if got.code != row.code || !strings.Contains(got.out, row.says) || strings.Contains(got.err, "finding") != (row.code != exitOK) {
				t.Fatalf("code %d, %s\n%s", got.code, got.err, got.out)
			}
			inJSON := speak(t, nil, nil, append(append([]string{"-o=json"}, seeds...), row.more...)...)
			var r doctor.Report
			if err := json.Unmarshal([]byte(inJSON.out), &r); err != nil || inJSON.code != row.code {
				t.Fatalf("code %d, %v: %s", inJSON.code, err, inJSON.out)
			}
			if lines := strings.Count(got.out, "\n"); lines != len(r.Findings) || r.OK+r.Warn+r.Fail != lines {
				t.Errorf("%d lines, and %+v", lines, r)
			}
		})
	}
}

// What `doctor` is not told it takes from where `serve` takes it.
func TestDoctorIsConfiguredAsServeIs(t *testing.T) {
	t.Parallel()
	got := speak(t, []string{"ORCHESTRATOR_SEEDS=127.0.0.1:1", "ORCHESTRATOR_MAX_SESSIONS=7"}, nil, "doctor")
	if got.code != exitFailure || !strings.Contains(got.out, "none of the seeds 127.0.0.1:1 answers") {
		t.Errorf("code %d, %s\n%s", got.code, got.err, got.out)
	}
}
