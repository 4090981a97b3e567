package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

func TestCallers(t *testing.T) {
	t.Parallel()
	cfg := config(&fake{})
	cfg.TrustedProxies = []string{"10.0.0.5", "127.0.0.1", "fd00::/64"}
	h, err := New(cfg)
	require.NoError(t, err)
	engine := h.(*api).engine.(*gin.Engine)
	for name, row := range map[string]struct {
		peer, own string
		forwarded []string // lines of X-Forwarded-For
		via       string
		want      string
		beside    bool
	}{
		"a peer":                              {peer: "10.0.0.9:1", want: "10.0.0.9"},
		"IPv6":                                {peer: "[2001:db8::1]:1", want: "2001:db8::1"},
		"an address with a zone":              {peer: "[fe80::1%eth0]:1", want: "fe80::1%eth0"},
		"IPv4 in IPv6":                        {peer: "[::ffff:10.0.0.9]:1", want: "10.0.0.9"},
		"nobody's word":                       {peer: "10.0.0.9:1", forwarded: []string{"10.9.9.9"}, want: "10.0.0.9"},
		"a proxy's word":                      {peer: "10.0.0.5:1", forwarded: []string{"10.9.9.9"}, want: "10.9.9.9"},
		"a proxy of a network":                {peer: "[fd00::7]:1", forwarded: []string{"2001:db8::2"}, want: "2001:db8::2"},
		"a proxy's word after its client's":   {peer: "10.0.0.5:1", forwarded: []string{"127.0.0.1, 10.1.1.1, 10.9.9.9"}, want: "10.9.9.9"},
		"a line of the proxy's own":           {peer: "10.0.0.5:1", forwarded: []string{"127.0.0.1", "10.9.9.9"}, want: "10.9.9.9"},
		"two proxies":                         {peer: "10.0.0.5:1", forwarded: []string{"10.1.1.1, 10.9.9.9, fd00::8"}, want: "10.9.9.9"},
		"a proxy that names nobody":           {peer: "10.0.0.5:1", want: "10.0.0.5"},
		"a proxy that says something else":    {peer: "10.0.0.5:1", forwarded: []string{"10.9.9.9, unknown"}, want: "10.0.0.5"},
		"no address":                          {peer: "@", want: "invalid IP"},
		"beside, by loopback":                 {peer: "127.0.0.1:1", own: "127.0.0.1", want: "127.0.0.1", beside: true},
		"beside, by IPv6 loopback":            {peer: "[::1]:1", want: "::1", beside: true},
		"beside, by the node's own address":   {peer: "10.0.0.7:1", own: "10.0.0.7", want: "10.0.0.7", beside: true},
		"through a proxy that names nobody":   {peer: "127.0.0.1:1", own: "127.0.0.1", via: "1.1 nginx", want: "127.0.0.1"},
		"elsewhere":                           {peer: "10.0.0.9:1", own: "10.0.0.7", want: "10.0.0.9"},
		"through a proxy beside":              {peer: "127.0.0.1:1", own: "127.0.0.1", forwarded: []string{"10.9.9.9"}, want: "10.9.9.9"},
		"through a proxy that nobody trusts":  {peer: "[::1]:1", forwarded: []string{"10.9.9.9"}, want: "::1"},
		"a client who says it is beside":      {peer: "10.0.0.9:1", own: "10.0.0.7", forwarded: []string{"127.0.0.1"}, want: "10.0.0.9"},
		"a proxy whose client says it is so":  {peer: "10.0.0.5:1", forwarded: []string{"127.0.0.1"}, want: "127.0.0.1"},
		"a proxy beside and its own client's": {peer: "127.0.0.1:1", own: "127.0.0.1", forwarded: []string{"127.0.0.1"}, want: "127.0.0.1"},
	} {
		ctx := t.Context()
		if row.own != "" {
			ctx = context.WithValue(ctx, http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.ParseIP(row.own), Port: 8080}))
		}
		c := gin.CreateTestContextOnly(httptest.NewRecorder(), engine)
		c.Request = httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
		c.Request.RemoteAddr = row.peer
		c.Request.Header["X-Forwarded-For"] = row.forwarded
		if row.via != "" {
			c.Request.Header.Set("Via", row.via)
		}
		if !row.beside && row.via == "" {
			c.Request.Header.Set("X-Real-Ip", "10.8.8.8") // nobody's word
		}
		got := callerOf(c)
		require.Equal(t, row.want, got.addr.String(), name)
		require.Equal(t, row.beside, got.beside, name)
	}
}

// busy is a fleet whose streams of messages and events go on: without an end where they are many, and silent where they are not.
func busy(many bool) *fake {
	big := message(0, `"`+strings.Repeat("x", session.MaxMessage-2)+`"`)
	return &fake{
		published: func(session.ID) (<-chan struct{}, func()) { return nil, func() {} },
		messages: func(_ context.Context, _ session.ID, q session.MessageQuery, _ session.Consistency) (session.MessagePage, error) {
			page := session.MessagePage{Next: q.After}
			for range followStep {
				if !many {
					break
				}
				page.Next.Position++
				m := big
				m.ID = page.Next
				page.Messages = append(page.Messages, m)
			}
			return page, nil
		},
		follow: func(context.Context, string, session.EventFilter) (EventStream, error) {
			s := &script{make(chan session.EventBatch, 1), make(chan struct{})}
			if many {
				var all []session.Event
				for range 50_000 {
					all = append(all, happened()...)
				}
				s.batches <- session.EventBatch{Events: all, Cursor: "c2"}
			}
			return s, nil
		},
	}
}

// streamPaths are the routes with streams.
var streamPaths = []string{messagesPath, "/v1/events", "/v1/nodes/node-1/assignments"}

// logLines are what is logged, line by line.
type logLines chan string

func (l logLines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// forwarding serves a fleet whose clients are named by a proxy. Where there is a log, its streams go on without an end.
func forwarding(t *testing.T, log logLines, perClient int, eventTimeout time.Duration) *door {
	t.Helper()
	cfg, board := fed(t, busy(log != nil))
	if log != nil {
		cfg.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	cfg.TrustedProxies, cfg.MaxStreamsPerClient = []string{"127.0.0.0/8"}, perClient
	s := serveAs(t, cfg, board, func(_ *http.Server, a *api) { a.eventTimeout, a.pace = eventTimeout, pace{time.Hour, time.Hour} })
	s.url = strings.TrimSuffix(s.url, "/v1/nodes/node-1/assignments")
	t.Cleanup(func() { require.NoError(t, s.server.Shutdown(context.WithoutCancel(t.Context()))) }) // what was answered is held to its description first
	return s
}

// asks sends the request for a stream of one client; of a process beside the node where that is none.
func (s *door) asks(from, path string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	require.NoError(s.t, err)
	req.Header.Set("Accept", "text/event-stream")
	if from != "" {
		req.Header.Set("X-Forwarded-For", from)
	}
	resp, err := client.Do(req)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func (s *door) opens(from, path string) *http.Response {
	s.t.Helper()
	resp := s.asks(from, path)
	require.Equal(s.t, http.StatusOK, resp.StatusCode, path)
	_, err := bufio.NewReader(resp.Body).ReadByte() // it has begun
	require.NoError(s.t, err)
	return resp
}

// streamsOf is how many streams are counted to a client, and to how many clients any are.
func (s *door) streamsOf(from string) (streams, all int) {
	cs := &s.api.clients
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.open[netip.MustParseAddr(from)], len(cs.open)
}

func (s *door) has(from string, streams, all int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		n, clients := s.streamsOf(from)
		return n == streams && clients == all
	}, 20*time.Second, time.Millisecond)
}

// Streams of all kinds count together: at the limit, past it, and once one has ended. Others are not held up, and nothing is kept of those who left.
func TestAClientHasSoManyStreams(t *testing.T) {
	t.Parallel()
	const one, other = "10.0.0.1", "10.0.0.2"
	s := forwarding(t, nil, 3, eventTimeout)
	var open []*http.Response
	for _, path := range streamPaths {
		open = append(open, s.opens(one, path))
	}
	for _, path := range streamPaths {
		resp := s.asks(one, path)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		p := response{t, resp.StatusCode, resp.Header, string(body)}.problem(http.StatusTooManyRequests, "rate-limited")
		require.Equal(t, []any{3., 3.}, []any{p["used"], p["limit"]})
		require.Equal(t, "1", resp.Header.Get("Retry-After"))
		for _, part := range []string{"one client", "end one", "trustedProxies", "maxStreamsPerClient"} {
			require.Contains(t, p["detail"], part)
		}
	}
	open = append(open, s.opens(other, messagesPath))
	for range 4 {
		open = append(open, s.opens("", messagesPath)) // beside the node
	}
	s.has(one, 3, 2)
	for i, path := range streamPaths {
		require.NoError(t, open[i].Body.Close())
		s.has(one, 2, 2)
		open[i] = s.opens(one, path)
		require.Equal(t, http.StatusTooManyRequests, s.asks(one, path).StatusCode)
	}
	for _, resp := range open {
		require.NoError(t, resp.Body.Close())
	}
	s.has(one, 0, 0)
	require.Eventually(t, func() bool { return s.api.beside.taken.Load() == 0 && s.api.afar.taken.Load() == 0 }, 20*time.Second, time.Millisecond)
	page := call(t, s.api, "GET /metrics", "").body
	for _, route := range []string{"/v1/sessions/{id}/messages", "/v1/events", "/v1/nodes/{id}/assignments"} {
		require.Contains(t, page, fmt.Sprintf("http_streams_refused_total{limit=\"client\",route=%q} 2\n", route))
	}
}

// What is refused for another reason, or fails, leaves the place that it had.
func TestAStreamThatIsRefusedLeavesItsPlace(t *testing.T) {
	t.Parallel()
	full := &session.LimitError{Thing: "streams of events", Used: 1, Limit: 1}
	f := newFeed()
	fake := f.fake()
	fake.follow = func(context.Context, string, session.EventFilter) (EventStream, error) { return nil, full }
	cfg := config(fake)
	cfg.Board = failingBoard{cfg.Board, full}
	h := handlerOf(t, cfg).(*api)
	f.pages <- session.ErrNotFound
	for path, status := range map[string]int{messagesPath: 404, "/v1/events": 429, "/v1/nodes/node-1/assignments": 429, "/v1/events?type=x": 400} {
		require.Equal(t, status, call(t, h, "GET "+path, "", "Accept", "text/event-stream").status, path)
	}
	require.Empty(t, h.clients.open)
	page := call(t, h, "GET /metrics", "").body
	require.Contains(t, page, `http_streams_refused_total{limit="node",route="/v1/events"} 1`)
	require.Contains(t, page, `http_streams_refused_total{limit="node",route="/v1/nodes/{id}/assignments"} 1`)
	require.NotRegexp(t, `limit="client",route="[^"]*"} [1-9]`, page)
}

// A client that connects and never reads is cut off by the time that an event may take, and its place is another's.
func TestWhoeverDoesNotReadMakesRoom(t *testing.T) {
	t.Parallel()
	const one = "10.0.0.1"
	for _, path := range streamPaths {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			lines := make(logLines, 1000)
			s := forwarding(t, lines, 1, 20*time.Millisecond)
			s.board.Sync(s.board.Begin(), sample().Holder, large())
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nX-Forwarded-For: "+one+"\r\n\r\n")
			require.NoError(t, err)
			require.Contains(t, awaited(t, lines), "i/o timeout") // the access log has it when it is over
			streams, all := s.streamsOf(one)
			require.Equal(t, []int{0, 0}, []int{streams, all})
			require.Zero(t, s.api.afar.taken.Load())
			require.Equal(t, http.StatusOK, s.asks(one, path).StatusCode)
			require.Contains(t, awaited(t, lines), "i/o timeout") // this one, too
		})
	}
}

// A host has as many IPv6 addresses as it likes within its network: they are one client.
func TestAnIPv6NetworkIsOneClient(t *testing.T) {
	t.Parallel()
	cs := clients{most: 2, open: map[netip.Addr]int{}}
	from := func(addr string) caller { return caller{addr: netip.MustParseAddr(addr)} }
	first, err := cs.enter(from("2001:db8::1"))
	require.NoError(t, err)
	second, err := cs.enter(from("2001:db8::ffff:1"))
	require.NoError(t, err)
	var full *session.LimitError
	_, err = cs.enter(from("2001:db8::2"))
	require.ErrorAs(t, err, &full)
	for _, other := range []string{"2001:db8:0:1::1", "10.0.0.1", "10.0.0.2"} {
		leave, err := cs.enter(from(other))
		require.NoError(t, err, other)
		leave()
	}
	first()
	second()
	require.Empty(t, cs.open)
}

// Followers on other machines leave places to the processes beside the node.
func TestRemoteFollowersAreLimited(t *testing.T) {
	t.Parallel()
	cfg := config(&fake{})
	cfg.Board = failingBoard{cfg.Board, session.ErrDraining} // what gets a place is told so
	h := handlerOf(t, cfg).(*api)
	follow := func(peer string) response {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/nodes/node-1/assignments", nil)
		req.Header.Set("Accept", "text/event-stream")
		req.RemoteAddr = peer
		return do(t, h, req)
	}
	h.remote.taken.Store(MaxRemoteFollowers - 1)
	follow("10.0.0.9:1").problem(http.StatusServiceUnavailable, "draining")
	require.EqualValues(t, MaxRemoteFollowers-1, h.remote.taken.Load())
	h.remote.taken.Store(MaxRemoteFollowers)
	p := follow("10.0.0.9:1").problem(http.StatusTooManyRequests, "rate-limited")
	require.EqualValues(t, MaxRemoteFollowers, p["limit"])
	require.Contains(t, p["detail"], "beside the node")
	follow("127.0.0.1:1").problem(http.StatusServiceUnavailable, "draining")
}

// MaxMessageStreams are for clients elsewhere; processes beside the node have as many as it may own sessions, and so many more.
func TestStreamsOfMessagesAreLimited(t *testing.T) {
	t.Parallel()
	f := busy(false)
	f.fail(session.ErrNotFound) // what gets a place is told so
	cfg := config(f)
	cfg.MaxSessions = 2000
	h := handlerOf(t, cfg).(*api)
	for peer, row := range map[string]struct {
		seats *seats
		most  int64
	}{"10.0.0.9:1": {&h.afar, MaxMessageStreams}, "127.0.0.1:1": {&h.beside, MaxMessageStreams + 2000}} {
		follow := func() response {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, messagesPath, nil)
			req.Header.Set("Accept", "text/event-stream")
			req.RemoteAddr = peer
			return do(t, h, req)
		}
		row.seats.taken.Store(row.most - 1)
		follow().problem(http.StatusNotFound, "session-not-found")
		require.Equal(t, row.most-1, row.seats.taken.Load())
		row.seats.taken.Store(row.most)
		p := follow().problem(http.StatusTooManyRequests, "rate-limited")
		require.EqualValues(t, row.most, p["used"])
		require.EqualValues(t, row.most, p["limit"])
		require.Contains(t, p["detail"], "another node")
		require.Equal(t, row.most, row.seats.taken.Load())
	}
}
