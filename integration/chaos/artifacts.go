package chaos

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Save writes what a run saw into a fresh directory below dir, for a person to read, and returns it: the seed, the violations, the
// history, the timeline, and a picture of each search that failed.
func (r Result) Save(dir, command string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	out, err := os.MkdirTemp(dir, strings.NewReplacer("/", "-", " ", "-").Replace(r.Scenario.Name)+"-")
	if err != nil {
		return "", err
	}
	for name, write := range map[string]func(io.Writer) error{
		"violations.txt": func(w io.Writer) error { return r.writeFound(w, command) }, "history.jsonl": r.writeHistory, "timeline.txt": r.writeTimeline,
	} {
		if err := writeFile(filepath.Join(out, name), write); err != nil {
			return "", err
		}
	}
	for _, p := range r.Proofs {
		if p.result == porcupine.Ok {
			continue
		}
		if err := porcupine.VisualizePath(p.model, p.info, filepath.Join(out, p.session+" "+p.of+".html")); err != nil {
			return "", err
		}
	}
	return out, nil
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(f)
	if err := write(b); err != nil {
		_ = f.Close()
		return err
	}
	if err := b.Flush(); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

func (r Result) writeFound(w io.Writer, command string) error {
	_, err := fmt.Fprintf(w, "seed %d\nreplay: %s\n\n", r.Scenario.Seed, command)
	for _, v := range r.Found {
		if err == nil {
			_, err = fmt.Fprintln(w, v)
		}
	}
	for _, s := range r.Losses {
		if err == nil {
			_, err = fmt.Fprintf(w, "\na master forgot something between %d and %d ms", s.From.Milliseconds(), s.To.Milliseconds())
		}
	}
	for _, o := range r.Excused {
		if err == nil {
			_, err = fmt.Fprintf(w, "\nmay be lost with it: %s", o)
		}
	}
	return err
}

func (r Result) writeHistory(w io.Writer) error {
	enc := json.NewEncoder(w)
	for _, o := range r.Ops {
		if err := enc.Encode(o); err != nil {
			return err
		}
	}
	return nil
}

// line is one line of the timeline.
type line struct {
	at   time.Duration
	text string
}

// writeTimeline puts calls, faults and the nodes' own words in one order, in milliseconds since the run began.
func (r Result) writeTimeline(w io.Writer) error {
	var lines []line
	for _, o := range r.Ops {
		lines = append(lines, line{o.Return, fmt.Sprintf("client %-3d %s [since %d]", o.Client, o, o.Call.Milliseconds())})
	}
	for _, b := range r.Beliefs {
		lines = append(lines, line{b.From, fmt.Sprintf("follower of %s holds %s at epoch %d", b.Follower, short(b.Session), b.Epoch)},
			line{b.To, fmt.Sprintf("follower of %s lets go of %s at epoch %d", b.Follower, short(b.Session), b.Epoch)})
	}
	for _, m := range r.Marks {
		lines = append(lines, line{m.At, "======== " + m.What})
	}
	for node, logged := range r.Logs {
		for _, text := range logged {
			if at, ok := loggedAt(text); ok {
				lines = append(lines, line{at.Sub(r.Began), node + " | " + text})
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	for _, l := range lines {
		if _, err := fmt.Fprintf(w, "%8d  %s\n", l.at.Milliseconds(), l.text); err != nil {
			return err
		}
	}
	return nil
}

var logTime = regexp.MustCompile(`^time=(\S+)`)

// loggedAt reads the time of a node's log line.
func loggedAt(text string) (time.Time, bool) {
	m := logTime.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, m[1])
	return at, err == nil
}
