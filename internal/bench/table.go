package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteTable writes the report for people: a row for each operation of each phase, then the first failure of each code.
func (r Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "phase\toperation\tcount\terrors\trate/s\tsessions/s\tp50 ms\tp90 ms\tp99 ms\tmax ms\t")
	for _, p := range r.Phases {
		for _, o := range p.Operations {
			fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%.0f\t%.0f\t%s\t\n",
				p.Name, o.Name, o.Requests, o.Errors, o.RequestsPerSecond, o.SessionsPerSecond, o.Latency.cells())
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, p := range r.Phases {
		for _, e := range p.Errors {
			if _, err := fmt.Fprintf(w, "%s: %d failed with %s, the first: %s\n", p.Name, e.Count, e.Code, e.First); err != nil {
				return err
			}
		}
	}
	return r.writeEnd(w)
}

// cells are four cells of the table: none where every request failed.
func (l Latency) cells() string {
	if l == (Latency{}) {
		return "-\t-\t-\t-"
	}
	return fmt.Sprintf("%.2f\t%.2f\t%.2f\t%.2f", l.P50, l.P90, l.P99, l.Max)
}

func (r Report) writeEnd(w io.Writer) error {
	if r.Early {
		if _, err := fmt.Fprintln(w, "ended early, as told"); err != nil {
			return err
		}
	}
	if r.Left == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "%d sessions stay: GET /v1/sessions?label=bench=%s lists them\n", r.Left, r.Run)
	return err
}
