package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/bench"
	"orchestrator/internal/httpapi"
)

func TestBenchGetsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	got := speak(t, nil, nil, "bench", "--url=http://a/,http://b", "--url", "https://c:1/x", "--requests=7", "--mix=list=1,batch=2", "--rate=2.5", "--encoding=msgpack")
	if got.code != exitOK || got.loaded == nil {
		t.Fatalf("%+v", got)
	}
	c := got.loaded.config
	if strings.Join(c.URLs, " ") != "http://a http://b https://c:1/x" || c.Load != (bench.Load{Mix: bench.Mix{bench.List: 1, bench.Batch: 2}, Requests: 7, Rate: 2.5}) ||
		c.Encoding != bench.MsgPack || c.Sessions != 1000 {
		t.Errorf("%+v", c)
	}
}

// The limit is the API's, which the load generator does not import.
var _ [bench.MaxBatchBody]struct{} = [httpapi.MaxBatchBody]struct{}{}

// runProgram runs a command line and returns its exit code and what it printed.
func runProgram(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, nil)
	return code, stdout.String(), stderr.String()
}

func TestBenchMeasuresAFleet(t *testing.T) {
	t.Parallel()
	greeting, end := startDev(t, "--nodes=2")
	urls := regexp.MustCompile(`(?m)^  node-\d +(http://\S+)$`).FindAllStringSubmatch(greeting, -1)
	if len(urls) != 2 {
		t.Fatalf("no two addresses in\n%s", greeting)
	}
	code, out, text := runProgram(t, "bench", "--url", urls[0][1]+","+urls[1][1], "--sessions=8", "--batch=3", "--concurrency=2",
		"--requests=40", "--mix=create=1,read=1,eventual=1,patch=1,list=1,batch=1,delete=1", "-o=json")
	var r bench.Report
	if err := json.Unmarshal([]byte(out), &reported{&r}); err != nil || code != exitOK || text != "" {
		t.Fatalf("code %d, %v: %s%s", code, err, out, text)
	}
	if r.Version == "" || r.Run == "" || r.Left != 0 || len(r.Phases) != 3 || len(r.Phases[1].Operations) != 7 {
		t.Errorf("%+v", r)
	}
	for _, p := range r.Phases {
		for _, o := range p.Operations {
			if o.Errors != 0 || o.Requests == 0 || o.Latency.Max == 0 {
				t.Errorf("%s: %+v", p.Name, o)
			}
		}
	}
	if code, all := end(); code != exitOK {
		t.Errorf("code %d:\n%s", code, all)
	}
}

// reported reads a report without its configuration, which is only ever written.
type reported struct{ *bench.Report }

func (r *reported) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &struct {
		Run     *string
		Version *string
		Left    *int
		Phases  *[]bench.Phase
		Config  any
	}{&r.Run, &r.Version, &r.Left, &r.Phases, nil})
}

func TestBenchFailsWhereRequestsDo(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"code":"no-capacity","detail":"no node has room"}`))
	}))
	t.Cleanup(refusing.Close)
	code, out, text := runProgram(t, "bench", "--url="+refusing.URL, "--sessions=0", "--mix=create=1", "--requests=5", "--concurrency=2")
	if code != exitFailure || !strings.Contains(out, "load: 5 failed with no-capacity, the first: create: 503 no node has room\n") ||
		text != "orchestrator: 5 requests or sessions of batches failed\n" {
		t.Errorf("code %d:\n%s%s", code, out, text)
	}
}

func TestBenchTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			<-time.After(3 * time.Second) // longer than a line takes to come
		}
		w.Header().Set("Location", "/v1/sessions/01890a5d-ac96-774b-bcce-b302099a8057")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(map[string]int{http.MethodGet: http.StatusOK, http.MethodPost: http.StatusCreated, http.MethodDelete: http.StatusNoContent}[r.Method])
	}))
	t.Cleanup(slow.Close)
	args := []string{"bench", "--url=" + slow.URL, "--sessions=0", "--mix=create=1", "--requests=1", "--concurrency=1"}
	if code, out, text := runProgram(t, append(args, "--progress")...); code != exitOK || !strings.HasPrefix(text, "load     1s          0 requests") {
		t.Errorf("code %d:\n%s%s", code, out, text)
	}
	if code, out, text := runProgram(t, args...); code != exitOK || text != "" {
		t.Errorf("code %d, and without a terminal it says:\n%s%s", code, out, text)
	}
}
