package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"orchestrator/internal/bench"
)

// runBench puts load on a fleet and prints what it found, also of a run that an error ended.
func runBench(ctx context.Context, o benchOptions, stdout, stderr io.Writer) error {
	var progress io.Writer
	if o.progress || isTerminal(stderr) {
		progress = stderr
	}
	report, err := bench.Run(ctx, o.config, progress)
	report.Version = thisBuild().Version
	if len(report.Phases) > 0 {
		err = errors.Join(err, printReport(report, o.output, stdout))
	}
	if n := report.Failed(); n > 0 && err == nil {
		err = fmt.Errorf("%d requests or sessions of batches failed", n)
	}
	return err
}

func printReport(r bench.Report, output string, w io.Writer) error {
	if output == "table" {
		return r.WriteTable(w)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// isTerminal reports whether somebody looks at what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
