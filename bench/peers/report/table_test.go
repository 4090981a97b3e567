package report_test

import (
	"strings"
	"testing"

	"orchestrator/bench/peers/report"
)

func TestTheTableShowsTheMedianRound(t *testing.T) {
	t.Parallel()
	cpu := 12.4
	row := func(round int, rate float64) report.Row {
		return report.Row{Round: round, Peer: "etcd", Variant: "v", Operation: report.Create, PerSecond: rate, Errors: 1, ServerCPUMicros: &cpu}
	}
	rows := []report.Row{row(1, 300), row(2, 100), row(3, 200)}
	rows[1].FirstError = "no space"
	var out strings.Builder
	if err := (report.Report{Versions: map[string]string{"go": "go1"}, Rows: rows}).Table(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"go go1\n", "create     200     100-300", " 3       12 ", "round 2, etcd v, create: no space\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
