package bench

import (
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	load "orchestrator/internal/bench"

	"orchestrator/internal/redistest"
)

var (
	sizeFlag   = flag.String("size", tiny.name, "how much is measured: full, quick or tiny")
	roundsFlag = flag.Int("rounds", 0, "how often each figure is taken; 0: as the size has it")
	onlyFlag   = flag.String("only", "", "groups of figures to take, parted by commas; none: all")
	resultFlag = flag.String("results", "", "file to write all that was measured to, as JSON")
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(ceilingAddress); addr != "" {
		fmt.Fprintln(os.Stderr, serveCeiling(addr))
		os.Exit(1) // it serves until it is killed
	}
	redistest.Main(m)
}

// asked is what the flags ask for.
func asked(t *testing.T) (z size, only []string) {
	t.Helper()
	i := slices.IndexFunc([]size{full, quick, tiny}, func(z size) bool { return z.name == *sizeFlag })
	if i < 0 || *roundsFlag < 0 {
		t.Fatalf("-size %q must be full, quick or tiny, -rounds %d not negative", *sizeFlag, *roundsFlag)
	}
	z = []size{full, quick, tiny}[i]
	if *roundsFlag > 0 {
		z.rounds = *roundsFlag
	}
	for group := range strings.SplitSeq(*onlyFlag, ",") {
		if group = strings.TrimSpace(group); group == "" {
			continue
		}
		if !slices.Contains(groups, group) {
			t.Fatalf("-only %q must name groups of %s", *onlyFlag, strings.Join(groups, ", "))
		}
		only = append(only, group)
	}
	return z, only
}

// Every figure is taken. Its value decides nothing: a request that failed does.
func TestBench(t *testing.T) {
	z, only := asked(t)
	redistest.Require(t)
	if _, err := processTime(os.Getpid()); err != nil {
		t.Skipf("processor time cannot be read here: %v", err)
	}
	began := time.Now()
	var progress, out io.Writer = os.Stderr, os.Stdout
	if z.name == tiny.name {
		progress, out = io.Discard, io.Discard
	}
	s := newSuite(t, z, only, progress)
	defer func() { // also of a run that could not go on
		r := s.report(began)
		if err := r.writeTable(out); err != nil {
			t.Error(err)
		}
		if *resultFlag == "" {
			return
		}
		if err := r.save(*resultFlag); err != nil {
			t.Error(err)
		}
	}()
	s.run()
	if t.Failed() { // and has said why
		return
	}
	for _, f := range s.figures {
		if f.Absent == "" && len(f.Rounds) == 0 {
			t.Errorf("%s was not measured, and nothing says why", f.ID)
		}
		if slices.ContainsFunc(f.Rounds, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
			t.Errorf("%s has no number: %v", f.ID, f.Rounds)
		}
	}
	if len(s.loads) == 0 {
		t.Error("no load was sent")
	}
}

func TestOnlyWhatIsWantedIsPlanned(t *testing.T) {
	t.Parallel()
	for _, group := range groups {
		planned := plan(full, func(g ...string) bool { return g[0] == group })
		if len(planned) == 0 {
			t.Errorf("no figure belongs to %s", group)
		}
		for _, f := range planned {
			if !strings.HasPrefix(f.ID, group+".") {
				t.Errorf("%s is planned for %s", f.ID, group)
			}
		}
	}
	all := everything(full)
	for i, f := range all {
		if g, _, _ := strings.Cut(f.ID, "."); !slices.Contains(groups, g) || slices.IndexFunc(all, func(o *figure) bool { return o.ID == f.ID }) != i {
			t.Errorf("%s is in no group, or is there twice", f.ID)
		}
	}
}

func TestAFigureIsTheMedianOfItsRounds(t *testing.T) {
	t.Parallel()
	f := figure{ID: "x.y", Name: "share", Unit: "ratio", Rounds: []float64{0.5, 0.9, 0.7, 0.1}, goal: atLeast(0.6)}
	f.settle()
	if f.Median != 0.6 || f.Min != 0.1 || f.Max != 0.9 || f.Met != "yes" || f.Goal != "≥ 0.6" {
		t.Errorf("%+v", f)
	}
	if row := f.row(); row != "share\t0.60\t0.10\t0.90\tratio\t≥ 0.6\tyes" {
		t.Errorf("%q", row)
	}
	late := figure{Rounds: []float64{21}, goal: atMost(20)}
	late.settle()
	none := figure{Name: "n", Unit: "ms", Absent: "no tool"}
	none.settle()
	if late.Met != "no" || none.Met != "" || none.row() != "n\t-\t-\t-\tms\t\tnot measured: no tool" {
		t.Errorf("%+v, %q", late, none.row())
	}
}

func TestWhatRedisBenchmarkSays(t *testing.T) {
	t.Parallel()
	const said = "\"test\",\"rps\",\"avg_latency_ms\"\n\"SET\",\"212314.23\",\"1.234\"\n"
	if rate, err := parseRaw(said); err != nil || rate != 212314.23 {
		t.Errorf("%v, %v", rate, err)
	}
	for _, bad := range []string{"", "\"test\",\"rps\"\n", "\"SET\",\"0.00\"\n", "ERR\n"} {
		if rate, err := parseRaw(bad); err == nil {
			t.Errorf("%q is %v", bad, rate)
		}
	}
}

func TestLoadsEndInEverySize(t *testing.T) {
	t.Parallel()
	for _, z := range []size{full, quick, tiny} {
		for _, op := range []load.Op{load.Create, load.Batch, load.List} {
			if err := z.load(op).Validate(); err != nil {
				t.Errorf("%s: %s: %v", z.name, op, err)
			}
		}
	}
}
