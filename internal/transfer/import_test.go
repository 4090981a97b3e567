package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"orchestrator/client"
)

func exported(t *testing.T, c *client.Client, sel client.Selection) string {
	t.Helper()
	var out bytes.Buffer
	if err := Export(t.Context(), c, sel, &out, func(int) {}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestWhatIsExportedIsImportedOnce(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	want := create(t, p.a, client.Draft{Name: "one", Status: client.Idle, Labels: map[string]string{"tier": "gold"}, TTL: time.Hour,
		Config: map[string]any{"n": 12345678901234567, "text": "<&>\u2028"}})
	for i := range 20 {
		create(t, p.a, client.Draft{Name: fmt.Sprint("other-", i)})
	}
	file := exported(t, p.a, client.Selection{Limit: 7}) // three pages
	if n := strings.Count(file, "\n"); n != 21 {
		t.Fatalf("%d lines", n)
	}
	if got, refused, err := runImport(t, Import{To: p.b}, strings.NewReader(file)); err != nil || got != (Counts{Lines: 21, Created: 21}) {
		t.Fatalf("%+v %v %v", got, refused, err)
	}
	got := all(t, p.b)["one"]
	if got.Type != want.Type || got.Workspace != want.Workspace || got.Status != want.Status || !sameJSON(got.Config, all(t, p.a)["one"].Config) ||
		!reflect.DeepEqual(got.Labels, map[string]string{"tier": "gold", LabelImportedFrom: want.ID}) {
		t.Errorf("%+v", got)
	}
	if d := got.ExpiresAt.Sub(want.ExpiresAt); d.Abs() > time.Minute {
		t.Errorf("it expires %s later", d)
	}
	for range 2 {
		if got, refused, err := runImport(t, Import{To: p.b}, strings.NewReader(file)); err != nil || got != (Counts{Lines: 21, Already: 21}) {
			t.Errorf("%+v %v %v", got, refused, err)
		}
	}
}

func TestALineThatComesTwiceIsMadeOnce(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	line := `{"id":"7","type":"dev","name":"x","workspace":"/w","createdAt":1700000000000}` + "\n"
	changed := strings.Replace(line, `"dev"`, `"ops"`, 1)
	got, refused, err := runImport(t, Import{To: p.b}, strings.NewReader(line+line+"\n"+changed))
	if err != nil || got != (Counts{Lines: 3, Created: 1, Already: 2}) || len(all(t, p.b)) != 1 {
		t.Errorf("%+v %v %v", got, refused, err)
	}
}

// A fleet does not make again what was deleted under an idempotency key: the line has another one then.
func TestWhatWasDeletedIsImportedAgain(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	create(t, p.a, client.Draft{Name: "one"})
	lines := exported(t, p.a, client.Selection{})
	for range 3 {
		if got, refused, err := runImport(t, Import{To: p.b}, strings.NewReader(lines)); err != nil || got != (Counts{Lines: 1, Created: 1}) {
			t.Fatalf("%+v %v %v", got, refused, err)
		}
		if err := p.b.DeleteSession(t.Context(), all(t, p.b)["one"].ID, client.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnImportThatWasCutOffIsRunAgain(t *testing.T) {
	t.Parallel()
	for crash := 1; crash <= 5; crash++ {
		for _, applied := range []bool{false, true} {
			p := newPair(t)
			for i := range 5 {
				create(t, p.a, client.Draft{Name: fmt.Sprint(i), TTL: time.Hour}) // its time left differs from run to run
			}
			file := exported(t, p.a, client.Selection{})
			p.wire.crash, p.wire.applied = p.wire.changes+crash, applied
			if _, _, err := runImport(t, Import{To: p.b}, strings.NewReader(file)); !errors.Is(err, errDown) {
				t.Fatalf("crash %d: %v", crash, err)
			}
			p.wire.crash = 0
			got, refused, err := runImport(t, Import{To: p.b}, strings.NewReader(file))
			if err != nil || got.Created+got.Already != 5 || len(all(t, p.b)) != 5 {
				t.Errorf("crash %d, applied %t: %+v %v %v", crash, applied, got, refused, err)
			}
		}
	}
}

func TestLinesAreJudged(t *testing.T) {
	t.Parallel()
	line := func(more string) string {
		return `{"id":"7","type":"dev","name":"x","workspace":"/w"` + more + `}`
	}
	many := func(n int) string {
		var labels []string
		for i := range n {
			labels = append(labels, fmt.Sprintf(`"l%d":"x"`, i))
		}
		return line(`,"labels":{` + strings.Join(labels, ",") + `}`)
	}
	for name, row := range map[string]struct{ line, says string }{
		"no JSON":             {`{`, "is not a JSON object: unexpected EOF"},
		"a list":              {`[]`, "is not a JSON object"},
		"null":                {`null`, "is not a JSON object: null"},
		"two":                 {line("") + line(""), "holds more than one JSON object"},
		"no UTF-8":            {line(`,"name":"` + "\xff" + `"`), "is not valid UTF-8"},
		"no id":               {`{"type":"dev","name":"x","workspace":"/w"}`, "id is required"},
		"a long id":           {`{"id":"` + strings.Repeat("7", 256) + `","type":"dev","name":"x","workspace":"/w"}`, "labels.imported-from has 256 characters, at most 255 are allowed"},
		"no name":             {`{"id":"7","type":"dev","workspace":"/w"}`, "name is required"},
		"unknown status":      {line(`,"status":"running"`), `status "running" must be one of`},
		"wrong kind":          {line(`,"labels":7`), "labels: json: cannot unmarshal number"},
		"unknown fields":      {line(`,"pid":7,"nodeId":"n"`), "unknown field nodeId, pid: it would be lost (--ignore-unknown drops it)"},
		"too many labels":     {many(64), "has 65 labels with imported-from, at most 64 are allowed"},
		"a held copy":         {line(`,"labels":{"moving-from":"http://x"}`), "has the label moving-from"},
		"too large a config":  {line(`,"config":{"x":"` + strings.Repeat("y", 128<<10) + `"}`), "config"},
		"too long":            {line(`,"config":{"x":"` + strings.Repeat("y", MaxLine) + `"}`), "at most 1048576 are allowed"},
		"a time that is none": {line(`,"expiresAt":"tomorrow"`), "expiresAt: "},
	} {
		p := newPair(t)
		got, refused, err := runImport(t, Import{To: p.b}, strings.NewReader("\n"+row.line+"\n"+line("")))
		if err != nil || got.Rejected != 1 || got.Created != 1 || !strings.Contains(refused[2], row.says) {
			t.Errorf("%s: %+v %v %v", name, got, refused, err)
		}
	}
	for name, ok := range map[string]string{"labels at the limit": many(63), "what the API shows": line(`,"labels":null,"config":null,"owner":"n","epoch":7,` +
		`"version":1,"copies":1,"createdAt":"x","updatedAt":"x","ownedAt":null,"expiresAt":null`)} {
		if got, refused, err := runImport(t, Import{To: newPair(t).b}, strings.NewReader(ok)); err != nil || got.Created != 1 {
			t.Errorf("%s: %+v %v %v", name, got, refused, err)
		}
	}
}

func TestUnknownFieldsAreDroppedWhereThatIsAskedFor(t *testing.T) {
	t.Parallel()
	line := `{"id":"7","type":"dev","name":"x","workspace":"/w","pid":7,"nodeId":"n"}`
	if got, refused, err := runImport(t, Import{To: newPair(t).b, IgnoreUnknown: true}, strings.NewReader(line)); err != nil ||
		got != (Counts{Lines: 1, Created: 1, Dropped: 2}) {
		t.Errorf("%+v %v %v", got, refused, err)
	}
}

func TestWhatHasExpiredIsNotMade(t *testing.T) {
	t.Parallel()
	line := `{"id":"7","type":"dev","name":"x","workspace":"/w","expiresAt":"2020-01-01T00:00:00Z"}`
	p := newPair(t)
	if got, refused, err := runImport(t, Import{To: p.b}, strings.NewReader(line)); err != nil || got != (Counts{Lines: 1, Expired: 1}) || len(all(t, p.b)) != 0 {
		t.Errorf("%+v %v %v", got, refused, err)
	}
}

func TestADryImportMakesNothing(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	create(t, p.a, client.Draft{Name: "x"})
	file := exported(t, p.a, client.Selection{})
	before := p.wire.changes
	if got, _, err := runImport(t, Import{To: p.b, DryRun: true}, strings.NewReader(file+"{}")); err != nil || got != (Counts{Lines: 2, Created: 1, Rejected: 1}) {
		t.Errorf("%+v %v", got, err)
	}
	if p.wire.changes != before {
		t.Error("something was asked for that changes the fleet")
	}
}

// full is a writer that has room for so many writes.
type full struct{ left int }

var errFull = errors.New("no space left on device")

func (f *full) Write(b []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestAnExportThatWasCutOffGoesOn(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for i := range 10 {
		create(t, p.a, client.Draft{Name: fmt.Sprint(i)})
	}
	var cut *CutOff
	if err := Export(t.Context(), p.a, client.Selection{Limit: 3}, &full{left: 2}, func(int) {}); !errors.As(err, &cut) || !errors.Is(err, errFull) || cut.Token == "" ||
		!strings.Contains(err.Error(), "--resume-from "+cut.Token) {
		t.Fatal(err)
	}
	if rest := exported(t, p.a, client.Selection{Limit: 3, PageToken: cut.Token}); strings.Count(rest, "\n") != 4 {
		t.Error(rest)
	}
}

// An import whose input stays silent, as a terminal's or a pipe's does, ends when it is told to.
func TestAnImportOfSilenceEnds(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	in, feed := io.Pipe()
	t.Cleanup(func() { _ = feed.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var sofar func() Counts
	go func() {
		_, _ = io.WriteString(feed, `{"id":"7","type":"dev","name":"x","workspace":"/w","createdAt":1700000000000}`+"\n")
		for sofar().Created == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	got, err := Import{To: p.b, Concurrency: 2, Reject: rejects{}.take}.Run(ctx, in, func(f func() Counts) { sofar = f })
	if !errors.Is(err, context.Canceled) || got != (Counts{Lines: 1, Created: 1}) {
		t.Errorf("%+v, %v", got, err)
	}
}
