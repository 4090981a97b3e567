package integration

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

// Behind the shipped balancer each client has streams of its own where the node trusts the balancer, whoever the client says it is. Where it does
// not, all clients are one.
func TestTheBalancerSaysWhoAClientIs(t *testing.T) {
	t.Parallel()
	r := redistest.Shared(t)
	for name, c := range map[string]struct {
		flags []string
		other int // how another client is answered while one has all it may have
	}{
		"trusted":     {[]string{"--trusted-proxies", "127.0.0.1"}, http.StatusOK},
		"not trusted": {nil, http.StatusTooManyRequests},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFleet(t, r, 1, append(c.flags, "--max-streams-per-client", "2")...)
			proxy := f.behindProxy(t)
			one, other := clientAt(t, "127.0.0.2"), clientAt(t, "127.0.0.3")
			first := openStream(t, one, proxy, "")
			for _, s := range []struct {
				what, says string
				from       *http.Client
				want       int
			}{
				{"a second stream", "", one, http.StatusOK},
				{"a third one", "", one, http.StatusTooManyRequests},
				{"one in another's name", "127.0.0.3", one, http.StatusTooManyRequests},
				{"one of a process beside the node", "127.0.0.1", one, http.StatusTooManyRequests},
				{"one of another client", "", other, c.other},
			} {
				if got := openStream(t, s.from, proxy, s.says); got.StatusCode != s.want {
					t.Fatalf("%s: %d, want %d", s.what, got.StatusCode, s.want)
				}
			}
			if first.StatusCode != http.StatusOK {
				t.Fatalf("a first stream: %d", first.StatusCode)
			}
			_ = first.Body.Close() // which the balancer may notice with the next comment only
			eventually(t, 40*time.Second, func() string {
				if openStream(t, one, proxy, "").StatusCode != http.StatusOK {
					return "there is no room where a stream ended"
				}
				return ""
			})
		})
	}
}

// clientAt is a client at an address of its own.
func clientAt(t *testing.T, addr string) *http.Client {
	t.Helper()
	dial := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(addr)}}
	transport := &http.Transport{DialContext: dial.DialContext, DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// openStream asks for a stream of events and leaves it open until the test ends. The client says for whom it asks, unless says is empty.
func openStream(t *testing.T, c *http.Client, base, says string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/x-ndjson")
	if says != "" {
		req.Header.Set("X-Forwarded-For", says)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, resp.Body)
	}
	return resp
}
