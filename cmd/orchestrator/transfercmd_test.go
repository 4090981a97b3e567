package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"orchestrator/client"
	"orchestrator/internal/runner"
	"orchestrator/internal/transfer"
)

// typed runs a command line on a fleet in memory.
func (f memoryFleet) typed(t *testing.T, stdin string, args ...string) (code int, out, err string) {
	t.Helper()
	return typed(t, stdin, []string{"ORCHESTRATOR_URL=" + f.url}, args...)
}

func (f memoryFleet) client(t *testing.T) *client.Client {
	t.Helper()
	c, err := connect(f.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Runner and mover do not know of one another, and mean the same.
var _ = map[bool]struct{}{false: {}, transfer.LabelMovingFrom == runner.LabelHeld && transfer.LabelReadUpTo == runner.LabelAfter: {}}

func TestSessionsAreExportedAndImported(t *testing.T) {
	t.Parallel()
	a, b := serveFleet(t, "a-1"), serveFleet(t, "b-1")
	gold := a.create(t, "one", "--label=tier=gold")
	a.create(t, "two")
	file := a.says(t, "sessions", "export", "-l", "tier=gold", "--page=1")
	if strings.Count(file, "\n") != 1 || !strings.HasPrefix(file, `{"id":"`+gold+`","type":"dev","name":"one"`) {
		t.Fatal(file)
	}
	if code, out, err := b.typed(t, file, "sessions", "import", "--dry-run"); code != exitOK || err != "" ||
		out != "1 lines: 1 would be made, 0 there already, 0 expired, 0 refused\n" {
		t.Errorf("code %d: %s%s", code, out, err)
	}
	for _, want := range []string{"1 made, 0 there already", "0 made, 1 there already"} {
		if code, out, err := b.typed(t, file, "sessions", "import"); code != exitOK || err != "" || out != "1 lines: "+want+", 0 expired, 0 refused\n" {
			t.Errorf("code %d: %s%s", code, out, err)
		}
	}
	if out := b.says(t, "sessions", "list", "-l", "imported-from="+gold, "-o=name"); strings.Count(out, "\n") != 1 {
		t.Error(out)
	}
}

func TestRefusedLinesAreTold(t *testing.T) {
	t.Parallel()
	f := serveFleet(t, "node-1")
	lines := `{"id":"7","type":"dev","name":"x","workspace":"/w"}` + "\n" + `{"id":"8","pid":1}` + "\n" + "{\n"
	refused := "line 2 (8): unknown field pid: it would be lost (--ignore-unknown drops it)\nline 3: is not a JSON object: unexpected EOF\n"
	code, out, err := f.typed(t, lines, "sessions", "import", "--concurrency=1")
	if code != exitFailure || out != "3 lines: 1 made, 0 there already, 0 expired, 2 refused\n" || err != refused+"orchestrator: 2 of 3 lines were refused\n" {
		t.Errorf("code %d: %s%s", code, out, err)
	}
	path := filepath.Join(t.TempDir(), "rejected.txt")
	code, out, err = f.typed(t, lines, "sessions", "import", "--rejects", path, "-o=json")
	if code != exitFailure || !strings.Contains(out, `"already": 1`) || !strings.Contains(out, `"rejected": 2`) || err != "orchestrator: 2 of 3 lines were refused\n" {
		t.Errorf("code %d: %s%s", code, out, err)
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != refused {
		t.Errorf("%v: %s", err, raw)
	}
	if code, _, err := f.typed(t, "", "sessions", "import", "--rejects", filepath.Join(path, "x")); code != exitFailure || !strings.Contains(err, "not a directory") {
		t.Errorf("code %d: %s", code, err)
	}
}

func TestSessionsMoveOnTheCommandLine(t *testing.T) {
	t.Parallel()
	a, b := serveFleet(t, "a-1"), serveFleet(t, "b-1")
	gold, other := a.create(t, "one", "--label=tier=gold"), a.create(t, "two", "--label=moving-to=elsewhere")
	moves := func(args ...string) (int, string, string) {
		return typed(t, "", nil, append([]string{"sessions", "move", "--from", a.url, "--to", b.url, "--settle=0"}, args...)...)
	}
	if code, out, err := moves("-l", "tier=gold", "--dry-run"); code != exitOK || out != gold+"\n" || err != "" {
		t.Errorf("code %d: %s%s", code, out, err)
	}
	code, out, err := moves("--concurrency=1")
	if code != exitFailure || !strings.HasPrefix(out, gold+" ") || strings.Count(out, "\n") != 1 ||
		!strings.HasPrefix(err, other+": not moved: is being moved to elsewhere: ") || !strings.HasSuffix(err, "orchestrator: 1 sessions were not moved, 1 were\n") {
		t.Errorf("code %d: %s%s", code, out, err)
	}
	if left := a.says(t, "sessions", "list", "-o=name"); left != other+"\n" {
		t.Error(left)
	}
	if there := b.says(t, "sessions", "list", "-o=name"); !strings.HasSuffix(out, " "+there) {
		t.Errorf("%q and %q", there, out)
	}
}

func TestMovesAndImportsAreJudged(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		args []string
		says string
	}{
		"no fleets":          {[]string{"move"}, `from: url: Addrs must name at least one node`},
		"one fleet":          {[]string{"move", "--from=http://h"}, `orchestrator: to "" must have 1 to 255 characters`},
		"a name too long":    {[]string{"move", "--from=http://h", "--to=http://i", "--from-name=" + strings.Repeat("x", 256)}, "must have 1 to 255 characters"},
		"a name with a bell": {[]string{"move", "--from=http://h", "--to=http://i", "--from-name=\a"}, "must have 1 to 255 characters"},
		"time backwards":     {[]string{"move", "--from=http://h", "--to=http://i", "--settle=-1s"}, `settle "-1s" must not be negative`},
		"nobody at work":     {[]string{"import", "--concurrency=0"}, `concurrency "0" must be a whole number of 1 or more`},
		"a page too small":   {[]string{"export", "--page=0"}, `page "0" must be a whole number from 1 to 1000`},
		"a page too large":   {[]string{"export", "--page=1001"}, `page "1001" must be`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if code, out, err := typed(t, "", nil, append([]string{"sessions"}, row.args...)...); code != exitUsage || out != "" || !strings.Contains(err, row.says) {
				t.Errorf("code %d: %s%s", code, out, err)
			}
		})
	}
}

func TestAnExportTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	f := serveFleet(t, "node-1")
	f.create(t, "a")
	for range 2 { // at once or not: nothing is told after the end
		if code, _, err := f.typed(t, "", "sessions", "export", "--progress"); code != exitOK || strings.Contains(strings.TrimRight(err, "\n"), "\n") {
			t.Errorf("code %d: %s", code, err)
		}
	}
}

// Two fleets of their own Redis, of one node each: sessions go from one to the other and back.
func TestSessionsMoveBetweenSingleNodes(t *testing.T) {
	t.Parallel()
	var fleets []memoryFleet
	for range 2 {
		greeting, end := startDev(t, "--nodes=1")
		defer func() {
			if code, all := end(); code != exitOK {
				t.Errorf("code %d:\n%s", code, all)
			}
		}()
		fleets = append(fleets, memoryFleet{url: regexp.MustCompile(`(?m)^  node-1 +(http://\S+)$`).FindStringSubmatch(greeting)[1]})
	}
	a, b := fleets[0], fleets[1]
	gold := a.create(t, "one", "--label=tier=gold", "--ttl=8h", "--status=idle", "--config", `{"n":12345678901234567890,"x":1.0,"zero":-0.0}`)
	stays := a.create(t, "two")
	source, target := a.client(t), b.client(t)
	if _, err := source.PutContext(t.Context(), gold, []byte("state"), "text/plain", client.ContextCondition{}); err != nil {
		t.Fatal(err)
	}
	if _, err := source.Publish(t.Context(), gold, client.Publication{}, client.MessageDraft{Data: json.RawMessage(`[-0.0,0.0]`)}); err != nil {
		t.Fatal(err)
	}
	code, out, err := typed(t, "", nil, "sessions", "move", "--from", a.url, "--to", b.url, "--settle=10ms", "-l", "tier=gold")
	if code != exitOK || err != "" || !strings.HasPrefix(out, gold+" ") {
		t.Fatalf("code %d: %s%s", code, out, err)
	}
	if left := a.says(t, "sessions", "list", "-o=name"); left != stays+"\n" {
		t.Error(left)
	}
	blob, failure := target.GetContext(t.Context(), strings.Fields(out)[1])
	if failure != nil || string(blob.Data) != "state" || blob.ContentType != "text/plain" {
		t.Errorf("%+v %v", blob, failure)
	}
	page, failure := target.Messages(t.Context(), strings.Fields(out)[1], client.MessageSelection{})
	if failure != nil || len(page.Messages) != 1 || string(page.Messages[0].Data) != `[-0,0]` {
		t.Errorf("%+v %v", page, failure)
	}
	text := b.says(t, "sessions", "list", "-l", "imported-from="+gold, "-o=json")
	for _, want := range []string{`"n": 12345678901234567890`, `"zero": -0`, `"status": "idle"`, `"tier": "gold"`, `"expiresAt": `} {
		if !strings.Contains(text, want) || strings.Contains(text, "moving-") {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	if code, out, err := typed(t, "", nil, "sessions", "move", "--from", b.url, "--to", a.url, "--settle=10ms"); code != exitOK || err != "" {
		t.Fatalf("code %d: %s%s", code, out, err)
	}
	file := a.says(t, "sessions", "export")
	if strings.Count(file, "\n") != 2 || b.says(t, "sessions", "list", "-o=name") != "" {
		t.Error(file)
	}
	for _, want := range []string{"2 made, 0 there already", "0 made, 2 there already"} {
		if code, out, err := b.typed(t, file, "sessions", "import"); code != exitOK || out != "2 lines: "+want+", 0 expired, 0 refused\n" {
			t.Errorf("code %d: %s%s", code, out, err)
		}
	}
	if code, _, err := typed(t, "", nil, "sessions", "move", "--from", a.url, "--to", a.url); code != exitFailure || !strings.Contains(err, "are one fleet") {
		t.Errorf("code %d: %s", code, err)
	}
}
