package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// notes are what one must know to read the figures.
var notes = []string{
	"The load, the nodes and Redis share this machine. A ratio's two figures were taken within the same round; figures are medians of the rounds.",
	"Factor 2 needs two masters: on one server there are no copies. It is measured on 3 masters that share the machine, factor 1 on one server beside it.",
	"The HTTP ceiling is the program's own door over use cases that answer at once, as a process of its own.",
	"Processor time of a session is that of all nodes and Redis servers, less what they spend at rest.",
}

// machine says where figures come from.
type machine struct {
	Cores     int    `json:"cores"`
	Processor string `json:"processor"`
	Go        string `json:"go"`
	Redis     string `json:"redis"`
	Commit    string `json:"commit"`
}

// report is all that a run found.
type report struct {
	Size    string     `json:"size"`
	Rounds  int        `json:"rounds"`
	Began   time.Time  `json:"began"`
	Machine machine    `json:"machine"`
	Notes   []string   `json:"notes"`
	Figures figures    `json:"figures"`
	Failed  []string   `json:"failed"` // requests that failed: what was measured beside them tells less
	Loads   []measured `json:"loads"`
}

func (s *suite) report(began time.Time) report {
	for _, f := range s.figures {
		f.settle()
	}
	return report{s.size.name, s.size.rounds, began, s.machine(), notes, s.figures, s.failed, s.loads}
}

func (s *suite) machine() machine {
	m := machine{Cores: runtime.NumCPU(), Go: runtime.Version(), Commit: "unknown", Redis: "unknown"}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.Processor = strings.TrimSpace(strings.TrimPrefix(field(string(text), "model name"), ":"))
	}
	if out, err := exec.CommandContext(s.ctx(), "git", "describe", "--always", "--dirty").Output(); err == nil {
		m.Commit = strings.TrimSpace(string(out))
	}
	for _, at := range s.sites {
		if text, err := at.clients[0].Info(s.ctx(), "server").Result(); err == nil {
			m.Redis = field(text, "redis_version:")
		}
	}
	return m
}

// writeTable writes the report for people.
func (r report) writeTable(w io.Writer) error {
	m := r.Machine
	fmt.Fprintf(w, "%s run, %d rounds, %d cores (%s), Redis %s, %s, commit %s\n\n", r.Size, r.Rounds, m.Cores, m.Processor, m.Redis, m.Go, m.Commit)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "figure\tmedian\tleast\tmost\tunit\tgoal\tmet")
	group := ""
	for _, f := range r.Figures {
		if g, _, _ := strings.Cut(f.ID, "."); g != group {
			group = g
			fmt.Fprintf(t, "%s\t\t\t\t\t\t\n", strings.ToUpper(g))
		}
		fmt.Fprintln(t, f.row())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, n := range slices.Concat(r.Failed, r.Notes) {
		if _, err := fmt.Fprintln(w, "\n"+n); err != nil {
			return err
		}
	}
	return nil
}

// row is a line of the table; a figure without a value says why.
func (f *figure) row() string {
	cells := []string{f.Name, "-", "-", "-", f.Unit, f.Goal, f.Met}
	if len(f.Rounds) > 0 {
		cells[1], cells[2], cells[3] = digits(f.Median), digits(f.Min), digits(f.Max)
	}
	if f.Absent != "" {
		cells = slices.Concat(cells[:6], []string{"not measured: " + f.Absent})
	}
	return strings.Join(cells, "\t")
}

// digits writes a value with as many digits as tell something.
func digits(v float64) string {
	switch {
	case v >= 100 || v <= -100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10 || v <= -10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// save writes the report as JSON.
func (r report) save(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
