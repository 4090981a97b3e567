package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"orchestrator/client"
	"orchestrator/client/clienttest"
)

// memoryFleet is a fleet in memory.
type memoryFleet struct {
	*clienttest.Fleet

	url string
}

func serveFleet(t *testing.T, nodes ...string) memoryFleet {
	t.Helper()
	f := clienttest.New(nodes...)
	s := httptest.NewServer(f.Node(nodes[0]))
	t.Cleanup(s.Close)
	return memoryFleet{f, s.URL}
}

// says runs a command line that must succeed, and returns what it printed.
func (f memoryFleet) says(t *testing.T, args ...string) string {
	t.Helper()
	code, out, err := typed(t, "", []string{"ORCHESTRATOR_URL=" + f.url}, args...)
	if code != exitOK || err != "" {
		t.Fatalf("%q ends with %d: %s", args, code, err)
	}
	return out
}

// typed runs a command line with a standard input and an environment.
func typed(t *testing.T, stdin string, environ []string, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(stdin), &stdout, &stderr, environ)
	return code, stdout.String(), stderr.String()
}

// create makes a session and returns its id.
func (f memoryFleet) create(t *testing.T, name string, flags ...string) string {
	t.Helper()
	return strings.TrimSpace(f.says(t, slices.Concat([]string{"sessions", "create", "--type=dev", "--workspace=/w", "--name", name, "-o=name"}, flags)...))
}

func TestASessionOnTheCommandLine(t *testing.T) {
	t.Parallel()
	f := serveFleet(t, "node-1", "node-2")
	id := f.create(t, "a", "--label=tier=gold", "--label=team=x", "--config", `{"n":12345678901234567890}`, "--ttl=8h")
	var s client.Session
	if err := json.Unmarshal([]byte(f.says(t, "sessions", "get", id, "-o=json")), &s); err != nil || s.ID != id || s.ExpiresAt.IsZero() {
		t.Fatalf("%v: %+v", err, s)
	}
	text := f.says(t, "sessions", "get", id)
	for _, want := range []string{"id           " + id + "\n", "labels       team=x,tier=gold\n", `config       {"n":12345678901234567890}` + "\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	text = f.says(t, "sessions", "patch", id, "--status=idle", "--label=tier=silver", "--remove-label=team", "--ttl=never")
	if !strings.Contains(text, "status       idle\n") || !strings.Contains(text, "labels       tier=silver\n") || !strings.Contains(text, "expires      -\n") {
		t.Error(text)
	}
	owner := s.Owner
	if text := f.says(t, "sessions", "migrate", id); strings.Contains(text, "owner        "+owner+"\n") {
		t.Error(text)
	}
	if out := f.says(t, "sessions", "delete", id); out != id+"\n" {
		t.Error(out)
	}
	code, out, err := typed(t, "", nil, "sessions", "get", id, id, "--url", f.url)
	if code != exitFailure || out != "" || strings.Count(err, "orchestrator: GET /v1/sessions/"+id+": 404 session-not-found: ") != 2 || !strings.Contains(err, "[request ") {
		t.Errorf("code %d: %s%s", code, out, err)
	}
}

// What a flag says is sent, or refused: nothing that was given is left out in silence.
func TestAPatchSaysWhatItsFlagsSay(t *testing.T) {
	t.Parallel()
	sent := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent <- string(body)
	}))
	t.Cleanup(s.Close)
	patch := func(flags ...string) (int, string) {
		code, _, err := typed(t, "", nil, slices.Concat([]string{"sessions", "patch", "01890a5d-ac96-774b-bcce-b302099a8057", "--url", s.URL}, flags)...)
		return code, err
	}
	for flag, want := range map[string]string{"--ttl=0": `{"ttl":null}`, "--ttl=0s": `{"ttl":null}`, "--ttl=never": `{"ttl":null}`, "--ttl=8h": `{"ttl":"8h0m0s"}`, "--name=n": `{"name":"n"}`} {
		patch(flag)
		if got := <-sent; got != want {
			t.Errorf("%s: %s", flag, got)
		}
	}
	for _, name := range []string{"type", "name", "workspace", "status", "config", "ttl", "if-match"} {
		if code, err := patch("--"+name+"=", "--label=a=b"); code == exitOK || !strings.Contains(err, name+` "" must not be empty`) || len(sent) > 0 {
			t.Errorf("--%s=: %d %s", name, code, err)
		}
	}
}

func TestSessionsAreListed(t *testing.T) {
	t.Parallel()
	f := serveFleet(t, "node-1")
	gold, other := f.create(t, "a\tb", "--label=tier=gold"), f.create(t, "c", "--status=idle")
	if out := f.says(t, "sessions", "list", "-l", "tier=gold", "-o=name"); out != gold+"\n" {
		t.Error(out)
	}
	if out := f.says(t, "sessions", "list", "--status", "idle,failed", "-o=name"); out != other+"\n" {
		t.Error(out)
	}
	if out := f.says(t, "sessions", "list", "--limit=1", "-o=name"); strings.Count(out, "\n") != 1 {
		t.Error(out)
	}
	if out := f.says(t, "sessions", "list", "--status=failed", "-o=json"); out != "[]\n" {
		t.Error(out)
	}
	lines := strings.Split(f.says(t, "sessions", "list"), "\n")
	if len(lines) != 4 || strings.Join(strings.Fields(lines[0]), " ") != "ID TYPE NAME STATUS OWNER EPOCH VERSION CREATED LABELS" ||
		!strings.Contains(lines[1]+lines[2], "  a b  ") || strings.HasSuffix(lines[1], "  tier=gold") == strings.HasSuffix(lines[2], "  tier=gold") {
		t.Errorf("%q", lines)
	}
}

func TestSelectorsThatOldNodesKnowTooGoAsPairs(t *testing.T) {
	t.Parallel()
	for selector, want := range map[string]int{"a=b": 1, "a=b, c=": 2, "": -1, "a": -1, "a!=b": -1, "a==b": -1, "a=b,!c": -1, "a in (b,c)": -1, "a=b,a=c": -1, "a=b,c in (d)": -1} {
		sel := selection{selector: selector}
		got := sel.selected()
		if n := len(got.Labels); want > 0 && (n != want || got.Selector != "") || want < 0 && (n != 0 || got.Selector != selector) {
			t.Errorf("%q: %+v", selector, got)
		}
	}
}

func TestNodesOnTheCommandLine(t *testing.T) {
	t.Parallel()
	f := serveFleet(t, "node-1", "node-2")
	if out := f.says(t, "nodes", "list", "-o=name"); out != "node-1\nnode-2\n" {
		t.Error(out)
	}
	if out := f.says(t, "nodes", "cordon", "node-1", "node-2", "-o=json"); strings.Count(out, `"state": "cordoned"`) != 2 {
		t.Error(out)
	}
	if out := f.says(t, "nodes", "uncordon", "node-2"); !strings.Contains(out, "node-2  ready  ") {
		t.Error(out)
	}
	if out := f.says(t, "nodes", "get", "node-1"); !strings.Contains(out, "node-1  cordoned  ") || strings.Contains(out, "node-2") {
		t.Error(out)
	}
}

func TestAFleetOnTheCommandLine(t *testing.T) {
	t.Parallel()
	f := serveFleet(t, "node-1", "node-2")
	id := f.create(t, "a")
	if out := f.says(t, "cluster", "metrics"); !strings.HasPrefix(out, "1 sessions on 2 nodes, 2 of them healthy\n\n") || !strings.Contains(out, "node-2  ready") {
		t.Error(out)
	}
	out := f.says(t, "cluster", "events")
	if !strings.Contains(out, "  node.joined  ") || !strings.Contains(out, "  session.created   "+id+"  node-1") {
		t.Error(out)
	}
	var e client.Event
	if err := json.Unmarshal([]byte(f.says(t, "cluster", "events", "--type=session.created", "-o=json")), &e); err != nil || e.Session != id {
		t.Errorf("%v: %+v", err, e)
	}
	if out := f.says(t, "cluster", "events", "--limit=1"); strings.Count(out, "\n") != 1 {
		t.Error(out)
	}
}

func TestCommandLinesThatAskAFleetAreJudged(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no address":          {[]string{"nodes", "list", "--url=:x"}, exitUsage, `orchestrator: url: address ":x" is not a URL`},
		"a path":              {[]string{"nodes", "list", "--url=http://h/v1"}, exitUsage, "must have no path"},
		"unknown form":        {[]string{"cluster", "metrics", "-o=name"}, exitUsage, `output "name" must be table or json`},
		"unknown status":      {[]string{"sessions", "list", "--status=done"}, exitUsage, `status "done" must be active, idle, completed or failed`},
		"unknown order":       {[]string{"sessions", "list", "--order-by=name"}, exitUsage, `order-by "name" must be id, createdAt or -createdAt`},
		"a limit below 0":     {[]string{"sessions", "list", "--limit=-1"}, exitUsage, `limit "-1" must be a whole number of 0 or more`},
		"no id":               {[]string{"sessions", "get"}, exitUsage, "requires at least 1 arg"},
		"config that is none": {[]string{"sessions", "create", "--config=[]"}, exitUsage, "config: "},
		"config after it":     {[]string{"sessions", "create", "--config={} {}"}, exitUsage, "config: must be one JSON object"},
		"no duration":         {[]string{"sessions", "create", "--ttl=8"}, exitUsage, `ttl "8" must be a duration such as 8h or 30m`},
		"no file":             {[]string{"sessions", "create", "--config=@/nowhere"}, exitUsage, "config: open /nowhere"},
		"an id that is none":  {[]string{"sessions", "get", "7"}, exitFailure, "invalid-request: id must be a UUID"},
		"unknown verb":        {[]string{"sessions", "lst"}, exitUsage, `unknown command "lst" for "orchestrator sessions"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if code, out, err := typed(t, "", nil, row.args...); code != row.code || out != "" || !strings.Contains(err, row.says) {
				t.Errorf("code %d, out %q, err %s", code, out, err)
			}
		})
	}
}

func TestAnInterruptedWatchEndsWell(t *testing.T) {
	t.Parallel()
	f := serveFleet(t, "node-1")
	c, err := connect(f.url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	now, err := c.Events(t.Context(), client.EventSelection{Cursor: client.Latest})
	if err != nil {
		t.Fatal(err)
	}
	out, code := watch("session.created"), make(chan int, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		code <- run(ctx, []string{"cluster", "events", "--follow", "--cursor", now.Next, "--url", f.url}, strings.NewReader(""), out.w, io.Discard, nil)
		_ = out.w.Close()
	}()
	f.create(t, "a")
	<-out.seen
	cancel()
	if c := <-code; c != exitOK {
		t.Errorf("code %d", c)
	}
	<-out.done
}
