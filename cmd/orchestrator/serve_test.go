package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

// served is a node of `serve` within the test.
type served struct {
	url  string
	end  context.CancelFunc
	code chan int
	log  *bytes.Buffer // not to be read before the node has ended
}

func startServe(t *testing.T, flags ...string) *served {
	t.Helper()
	port := redistest.Port(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := &served{fmt.Sprintf("http://127.0.0.1:%d", port), cancel, make(chan int, 1), &bytes.Buffer{}}
	args := append([]string{"serve", fmt.Sprintf("--port=%d", port), "--drain-delay=0"}, flags...)
	go func() { s.code <- run(ctx, args, strings.NewReader(""), io.Discard, s.log, nil) }()
	for {
		if status, _ := s.ask(t, http.MethodGet, "/readyz", ""); status == http.StatusOK {
			return s
		}
		select {
		case code := <-s.code:
			cancel()
			t.Fatalf("serve ended with %d:\n%s", code, s.log)
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("serve does not become ready")
		}
	}
}

func (s *served) ask(t *testing.T, method, path, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true // leaves no idle connection
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func (s *served) stop(t *testing.T) {
	t.Helper()
	s.end()
	if code := await(t, "serve ends", s.code); code != exitOK {
		t.Errorf("serve ended with %d:\n%s", code, s.log)
	}
}

func TestServeOnRealRedis(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		common := []string{"--prefix", redistest.Prefix(t), "--partitions=8", "--seeds", strings.Join(r.Addrs(), ","), "--log-format=json"}
		a := startServe(t, append(common, "--node-id=a")...)
		b := startServe(t, append(common, "--node-id=b", "--max-streams-per-client=7", "--trusted-proxies=10.0.0.0/8", "--max-sessions=5")...)
		status, made := a.ask(t, http.MethodPost, "/v1/sessions", `{"type":"agent","name":"first","workspace":"demo"}`)
		if status != http.StatusCreated {
			t.Fatalf("create: %d %s", status, made)
		}
		_, rest, _ := strings.Cut(made, `"id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		if status, read := b.ask(t, http.MethodGet, "/v1/sessions/"+id, ""); status != http.StatusOK || read != made {
			t.Errorf("read at the other node: %d %s, made as %s", status, read, made)
		}
		_, spec := b.ask(t, http.MethodGet, "/openapi.json", "")
		if !strings.Contains(spec, "One client may have 7 streams") || !strings.Contains(spec, "and 1005 more to processes") {
			t.Error("the limits of streams are not as configured")
		}
		if status, answer := b.ask(t, http.MethodDelete, "/v1/sessions/"+id, ""); status != http.StatusNoContent {
			t.Errorf("delete: %d %s", status, answer)
		}
		var refused bytes.Buffer
		args := append([]string{"serve", fmt.Sprintf("--port=%d", redistest.Port(t))}, common...)
		if code := run(t.Context(), append(args, "--partitions=16"), nil, io.Discard, &refused, nil); code != exitFailure ||
			!strings.Contains(refused.String(), "partitions is 16 here") {
			t.Errorf("a node with other partitions ended with %d:\n%s", code, &refused)
		}
		a.stop(t)
		b.stop(t)
	})
}

func TestServeWithoutRedisSaysWhere(t *testing.T) {
	t.Parallel()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := nobody.Addr().String()
	_ = nobody.Close()
	var stderr bytes.Buffer
	args := []string{"serve", fmt.Sprintf("--port=%d", redistest.Port(t)), "--seeds", "redis://user:hunter2@" + addr}
	code := run(t.Context(), args, nil, io.Discard, &stderr, nil)
	if code != exitFailure || !strings.Contains(stderr.String(), addr) || strings.Contains(stderr.String(), "hunter2") {
		t.Errorf("code %d:\n%s", code, &stderr)
	}
}

func TestServeSaysWhichPortIsTaken(t *testing.T) {
	t.Parallel()
	l, err := listen(t.Context(), "127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll([]net.Listener{l})
	var stderr bytes.Buffer
	code := run(t.Context(), []string{"serve", fmt.Sprintf("--port=%d", portOf(l))}, nil, io.Discard, &stderr, nil)
	if code != exitFailure || !strings.Contains(stderr.String(), fmt.Sprintf("port %d on 127.0.0.1 is taken", portOf(l))) {
		t.Errorf("code %d:\n%s", code, &stderr)
	}
}

func TestAStartThatIsInterruptedIsNoFailure(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{
		{"dev", "--port=0"},
		{"serve", fmt.Sprintf("--port=%d", redistest.Port(t)), fmt.Sprintf("--seeds=127.0.0.1:%d", redistest.Port(t))},
	} {
		var stderr bytes.Buffer
		if code := run(ctx, args, nil, io.Discard, &stderr, nil); code != exitOK {
			t.Errorf("%s: code %d:\n%s", args[0], code, &stderr)
		}
	}
}
