package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// line is what the rounds of one operation have in common.
type line struct{ peer, variant, operation string }

// Table writes the round of median rate for each operation, and between which rates the rounds lay.
func (r Report) Table(w io.Writer) error {
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		fmt.Fprintf(w, "%s %s\n", name, r.Versions[name])
	}
	fmt.Fprintf(w, "%s, %d CPUs for servers and callers together; %d callers, %d owners, records of %d bytes, leases of %g s; fsync %.0f µs\n\n",
		r.Machine, r.CPUs, r.Callers, r.Owners, r.BodyBytes, r.LeaseSeconds, r.FsyncMicros)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PEER\tVARIANT\tOPERATION\tRATE/S\tMIN-MAX\tP50 MS\tP99 MS\tERRORS\tSERVER CPU µS/OP\tCLIENT CPU µS/OP\tDURABILITY")
	for _, rows := range r.lines() {
		m := rows[len(rows)/2]
		fmt.Fprintf(t, "%s\t%s\t%s\t%.0f\t%.0f-%.0f\t%.2f\t%.2f\t%d\t%s\t%s\t%s\n", m.Peer, m.Variant, m.Operation, m.PerSecond,
			rows[0].PerSecond, rows[len(rows)-1].PerSecond, m.P50Micros/1000, m.P99Micros/1000, errorsOf(rows),
			micros(m.ServerCPUMicros), micros(m.ClientCPUMicros), m.Durability)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return r.complaints(w)
}

// lines are the rows of each operation by rate, in the order of their first round.
func (r Report) lines() [][]Row {
	place := map[line]int{}
	var lines [][]Row
	for _, row := range r.Rows {
		l := line{row.Peer, row.Variant, row.Operation}
		i, ok := place[l]
		if !ok {
			i = len(lines)
			place[l], lines = i, append(lines, nil)
		}
		lines[i] = append(lines[i], row)
	}
	for _, rows := range lines {
		slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(a.PerSecond, b.PerSecond) })
	}
	return lines
}

// complaints are the errors behind the numbers in the table.
func (r Report) complaints(w io.Writer) error {
	for _, row := range r.Rows {
		if row.FirstError == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "round %d, %s %s, %s: %s\n", row.Round, row.Peer, row.Variant, row.Operation, row.FirstError); err != nil {
			return err
		}
	}
	return nil
}

func errorsOf(rows []Row) (n int) {
	for _, row := range rows {
		n += row.Errors + row.RenewalErrors
	}
	return n
}

func micros(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f", *v)
}
