package harness_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"orchestrator/integration/harness"
)

const stateLimit = 10 * time.Second

func startBalanced(t *testing.T, names ...string) (*harness.HAProxy, []*harness.Process) {
	t.Helper()
	var nodes []*harness.Process
	var addrs []string
	for _, name := range names {
		p := startServer(t, name)
		nodes, addrs = append(nodes, p), append(addrs, p.Addr())
	}
	lb := harness.StartHAProxy(t, addrs)
	lb.WaitUp(t, len(nodes), stateLimit)
	return lb, nodes
}

func TestBalancerFollowsReadiness(t *testing.T) {
	t.Parallel()
	lb, nodes := startBalanced(t, "a", "b", "c")
	client := newClient(t)
	if got := whoAnswers(t, client, lb.URL(), 30); len(got) != 3 {
		t.Errorf("requests reached %v, want all three", got)
	}

	// Not ready, yet alive: taken out without one failed request.
	call(t, client, http.MethodPost, nodes[0].URL()+"/unready", nil)
	lb.WaitUp(t, 2, stateLimit)
	if got := whoAnswers(t, client, lb.URL(), 30); got[nodes[0].Addr()] != 0 || len(got) != 2 {
		t.Errorf("requests reached %v, want the two that are ready", got)
	}

	// Killed: the next requests go to another node before any probe notices.
	nodes[1].Kill(t)
	if got := whoAnswers(t, client, lb.URL(), 30); got[nodes[2].Addr()] != 30 {
		t.Errorf("requests reached %v, want the last one only", got)
	}
	lb.WaitUp(t, 1, stateLimit)
	nodes[1].Restart(t)
	lb.WaitUp(t, 2, stateLimit)
}

// TestBalancerRepeatsOnlyWhatMayBeRepeated counts how often a change whose
// answer never comes is carried out.
func TestBalancerRepeatsOnlyWhatMayBeRepeated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header http.Header
		least  int
		most   int
	}{
		"plain": {http.Header{}, 1, 1},
		"keyed": {http.Header{"Idempotency-Key": {"k"}}, 2, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lb, nodes := startBalanced(t, "a", "b")
			client := newClient(t)
			if status, _ := call(t, client, http.MethodPost, lb.URL()+"/change", c.header); status < 500 {
				t.Errorf("the client was told %d", status)
			}
			sum := 0
			for _, n := range nodes {
				_, text := call(t, client, http.MethodGet, n.URL()+"/changes", nil)
				sum += int(text[0] - '0')
			}
			if sum < c.least || sum > c.most {
				t.Errorf("carried out %d times, want %d to %d", sum, c.least, c.most)
			}
		})
	}
}

func newClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

func whoAnswers(t *testing.T, client *http.Client, url string, times int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range times {
		status, who := call(t, client, http.MethodGet, url+"/who", nil)
		if status != http.StatusOK {
			t.Fatalf("answered %d: %s", status, who)
		}
		got[who]++
	}
	return got
}

func call(t *testing.T, client *http.Client, method, url string, header http.Header) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
