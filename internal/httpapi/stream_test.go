package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/assignments"
	"orchestrator/internal/session"
)

// door is the handler behind a real server on a port of its own.
type door struct {
	t      *testing.T
	url    string
	api    *api
	board  *assignments.Board
	server *http.Server
	done   chan struct{} // the server has stopped serving
}

func serve(t *testing.T, set func(*http.Server, *api)) *door {
	t.Helper()
	cfg, board := fed(t, &fake{})
	return serveAs(t, cfg, board, set)
}

func serveAs(t *testing.T, cfg Config, board *assignments.Board, set func(*http.Server, *api)) *door {
	t.Helper()
	h := handlerOf(t, cfg)
	s := &door{t: t, api: h.(*api), board: board, server: Server("", h), done: make(chan struct{})}
	if set != nil {
		set(s.server, s.api)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.url = "http://" + listener.Addr().String() + "/v1/nodes/node-1/assignments"
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- board.Run(ctx) }()
	go func() {
		defer close(s.done)
		_ = s.server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = s.server.Close()
		<-s.done
		cancel()
		require.NoError(t, <-ran)
	})
	return s
}

// client gives every stream a connection of its own and keeps none.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// stream is the caller's end.
type stream struct {
	t     *testing.T
	resp  *http.Response
	lines *bufio.Reader
}

// follow opens a stream; headers are pairs of name and value.
func (s *door) follow(headers ...string) *stream {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url, nil)
	require.NoError(s.t, err)
	req.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = resp.Body.Close() })
	require.Equal(s.t, http.StatusOK, resp.StatusCode)
	return &stream{s.t, resp, bufio.NewReader(resp.Body)}
}

// next reads the next event and requires its name.
func (st *stream) next(name string) map[string]any {
	st.t.Helper()
	var got [3]string
	for i := range got {
		line, err := st.lines.ReadString('\n')
		require.NoError(st.t, err)
		got[i] = strings.TrimSuffix(line, "\n")
	}
	require.Equal(st.t, "event: "+name, got[0])
	require.Empty(st.t, got[2])
	data, ok := strings.CutPrefix(got[1], "data: ")
	require.True(st.t, ok, got[1])
	var v map[string]any
	require.NoError(st.t, json.Unmarshal([]byte(data), &v))
	return v
}

func (st *stream) over() {
	st.t.Helper()
	_, err := st.lines.ReadString('\n')
	require.ErrorIs(st.t, err, io.EOF)
}

func (s *door) ack(watcher any, id session.ID, epoch uint64) int {
	s.t.Helper()
	body := fmt.Sprintf(`{"watcher":%q,"released":[{"id":%q,"epoch":%d}]}`, watcher, id, epoch)
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/ack", strings.NewReader(body))
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	require.NoError(s.t, err)
	require.NoError(s.t, resp.Body.Close())
	return resp.StatusCode
}

// revoke is a Revoke of the sample session under way.
func (s *door) revoke() <-chan []session.ID {
	cleared := make(chan []session.ID, 1)
	go func() { cleared <- s.board.Revoke(s.t.Context(), someID) }()
	return cleared
}

func awaited[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
	return v
}

func TestFollow(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	st := s.follow()
	require.Equal(t, "text/event-stream", st.resp.Header.Get("Content-Type"))
	require.Equal(t, "no-store", st.resp.Header.Get("Cache-Control"))
	require.Equal(t, "no", st.resp.Header.Get("X-Accel-Buffering"))
	require.Equal(t, "node-1", st.resp.Header.Get("X-Orchestrator-Node"))
	snapshot := st.next("snapshot")
	watcher := snapshot["watcher"]
	require.NotEmpty(t, watcher)
	require.Equal(t, []any{"node-1", "00112233445566aa"}, []any{snapshot["node"], snapshot["incarnation"]})
	until, err := time.Parse(time.RFC3339, snapshot["until"].(string))
	require.NoError(t, err)
	require.InDelta(t, time.Hour.Seconds(), time.Until(until).Seconds(), 60)
	assigned := snapshot["assignments"].([]any)[0].(map[string]any)
	require.Equal(t, []any{someID, 3., "fix <the> build"}, []any{assigned["id"], assigned["epoch"], assigned["session"].(map[string]any)["name"]})

	cleared := s.revoke()
	revoked := st.next("revoked")
	require.Equal(t, []any{someID, 3.}, []any{revoked["id"], revoked["epoch"]})
	require.NotEmpty(t, revoked["deadline"])
	require.Equal(t, http.StatusNotFound, s.ack("nobody", someID, 3))
	require.Equal(t, http.StatusNoContent, s.ack(watcher, someID, 2))
	require.Empty(t, cleared)
	require.Equal(t, http.StatusNoContent, s.ack(watcher, someID, 3))
	require.Equal(t, []session.ID{someID}, awaited(t, cleared))

	s.board.Restore(someID)
	require.Equal(t, assigned, st.next("assigned"))
	s.board.Trust(sample().Holder, time.Now().Add(2*time.Hour))
	require.NotEmpty(t, st.next("valid")["until"])
	s.board.Trust(sample().Holder, time.Time{})
	require.Equal(t, "fenced", st.next("end")["reason"])
	st.over()
}

// Neither the limit of a request nor those of the server end a stream.
func TestStreamOutlivesTheLimitsOfRequests(t *testing.T) {
	t.Parallel()
	const limit = time.Second
	s := serve(t, func(srv *http.Server, a *api) {
		srv.ReadTimeout, srv.WriteTimeout, a.cfg.RequestTimeout = limit, limit, limit
	})
	st := s.follow()
	st.next("snapshot")
	<-time.After(2 * limit) // not for anything to happen: for the limits to pass
	s.board.Trust(sample().Holder, time.Now().Add(2*time.Hour))
	st.next("valid")
	<-time.After(2 * limit)
	s.revoke()
	st.next("revoked")
	require.NoError(t, st.resp.Body.Close())
}

// A caller that closes its connection has let go of everything.
func TestCallerGoesAway(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	st := s.follow()
	st.next("snapshot")
	cleared := s.revoke()
	require.NoError(t, st.resp.Body.Close())
	require.Equal(t, []session.ID{someID}, awaited(t, cleared))
	require.False(t, s.board.Followed())
}

// A connection from another machine may have been ended by something in between: whoever had it may hold what it was told until its time is over.
func TestAConnectionFromAnotherMachineBreaks(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.Split(strings.TrimPrefix(s.url, "http://"), "/")[0])
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /v1/nodes/node-1/assignments HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nVia: 1.1 firewall\r\n\r\n")
	require.NoError(t, err)
	lines := bufio.NewReader(conn)
	for line := ""; line != "event: snapshot\n"; {
		line, err = lines.ReadString('\n')
		require.NoError(t, err)
	}
	require.NoError(t, conn.(*net.TCPConn).SetLinger(0))
	require.NoError(t, conn.Close()) // by a reset
	require.Eventually(t, func() bool { return s.board.Count() == 0 }, 20*time.Second, time.Millisecond)
	require.True(t, s.board.Followed())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.Empty(t, s.board.Revoke(ctx, someID))
}

// A caller that does not read is given up; but it may not know, so that its sessions stay its own until its time is over.
func TestCallerDoesNotRead(t *testing.T) {
	t.Parallel()
	s := serve(t, func(_ *http.Server, a *api) { a.eventTimeout = 20 * time.Millisecond })
	s.board.Sync(s.board.Begin(), sample().Holder, large())
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.Split(strings.TrimPrefix(s.url, "http://"), "/")[0])
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /v1/nodes/node-1/assignments HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.board.Count() == 0 && s.board.Followed() }, 20*time.Second, time.Millisecond,
		"it is not given up, or taken for one that let go")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.Empty(t, s.board.Revoke(ctx, someID))
}

// large is a picture whose snapshot no socket buffer holds.
func large() (all []session.Assignment) {
	for i := range 3000 {
		s := sample()
		s.Config = map[string]any{"text": strings.Repeat("x", 5000)}
		if i > 0 {
			s.ID = session.NewID(time.Now())
		}
		all = append(all, session.Assignment{Session: s})
	}
	return all
}

// A server that shuts down tells its followers and waits for nothing else.
func TestShutdownEndsStreams(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	st := s.follow()
	st.next("snapshot")
	down := make(chan error, 1)
	go func() { down <- s.server.Shutdown(context.Background()) }()
	require.Equal(t, "stopping", st.next("end")["reason"])
	st.over()
	require.NoError(t, awaited(t, down))
}

// A server that is closed breaks its connections: that is not the caller's doing and says nothing about what it holds.
func TestClosedServerIsNoClosedCaller(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	st := s.follow()
	st.next("snapshot")
	s.api.stopped.Store(true)
	require.NoError(t, s.server.Close())
	require.Eventually(t, func() bool { return s.board.Count() == 0 }, 10*time.Second, time.Millisecond)
	require.True(t, s.board.Followed())
}

// A stream is counted as a request and is not timed as one.
func TestStreamsAreCounted(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	st := s.follow()
	st.next("snapshot")
	require.NoError(t, st.resp.Body.Close())
	const series = `http_requests_total{code="200",method="GET",route="/v1/nodes/{id}/assignments"} 1`
	var page string
	require.Eventually(t, func() bool {
		page = call(t, s.api, "GET /metrics", "").body
		return strings.Contains(page, series)
	}, 10*time.Second, time.Millisecond)
	require.NotContains(t, page, `http_request_duration_seconds_count{method="GET",route="/v1/nodes/{id}/assignments"}`)
}
