package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

func happened() []session.Event {
	at := time.Date(2026, 3, 4, 5, 6, 7, 89_000_000, time.UTC)
	return []session.Event{
		{ID: "p17:1700000000000-3", Type: session.SessionMoved, Time: at, Session: someID, Node: "node-2", Previous: "node-1", Epoch: 4, Reason: "drain", Actor: "node-1"},
		{ID: "nodes:1700000000000-0", Type: session.NodeRecovered, Time: at, Node: "node-1", Actor: "node-2", Recovered: &session.Recovery{Expected: 3, Recovered: 3}},
	}
}

const (
	movedJSON = `{"id":"p17:1700000000000-3","type":"session.moved","time":"2026-03-04T05:06:07.089Z","session":"` + someID +
		`","node":"node-2","previousNode":"node-1","reason":"drain","actor":"node-1","epoch":4,"version":0}`
	recoveredJSON = `{"id":"nodes:1700000000000-0","type":"node.recovered","time":"2026-03-04T05:06:07.089Z","node":"node-1","actor":"node-2","expected":3,"recovered":3,"lost":0}`
)

func TestListEvents(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{pageEvents: func(_ context.Context, cursor string, f session.EventFilter, limit int) (session.EventPage, error) {
		require.Equal(t, "c1", cursor)
		require.Equal(t, session.EventFilter{Types: []session.EventType{session.SessionMoved, session.NodeDead}, Session: someID, Node: "node-2"}, f)
		require.Equal(t, 7, limit)
		return session.EventPage{Events: happened(), Next: "c2"}, nil
	}}))
	target := "GET /v1/events?cursor=c1&type=session.moved&type=node.dead&session=" + someID + "&node=node-2&limit=7"
	require.JSONEq(t, `{"events":[`+movedJSON+","+recoveredJSON+`],"nextCursor":"c2"}`, call(t, h, target, "").body)
	packed := call(t, h, target, "", "Accept", "application/msgpack")
	require.Equal(t, []any{200, "application/msgpack"}, []any{packed.status, packed.header.Get("Content-Type")})

	empty := handlerOf(t, config(&fake{pageEvents: func(context.Context, string, session.EventFilter, int) (session.EventPage, error) {
		return session.EventPage{Next: "c"}, nil
	}}))
	require.JSONEq(t, `{"events":[],"nextCursor":"c"}`, call(t, empty, "GET /v1/events", "").body)
	for query, field := range map[string]string{
		"type=session": "type", "type=": "type", "type=session.created&type=x": "type", "session=x": "session", "session=": "session", "node=-a": "node", "node=": "node",
		"limit=0": "limit", "limit=1001": "limit", "limit=x": "limit", "cursor=a&cursor=b": "cursor", "since=1": "since",
	} {
		call(t, empty, "GET /v1/events?"+query, "").invalid(field)
		call(t, empty, "GET /v1/events?"+query, "", "Accept", "text/event-stream").invalid(field)
	}
}

func TestACursorThatIsGone(t *testing.T) {
	t.Parallel()
	gone := &session.EventsGoneError{Latest: "c9"}
	h := handlerOf(t, config(&fake{
		pageEvents: func(context.Context, string, session.EventFilter, int) (session.EventPage, error) {
			return session.EventPage{}, gone
		},
		follow: func(context.Context, string, session.EventFilter) (EventStream, error) { return nil, gone },
	}))
	for _, accept := range []string{"application/json", "text/event-stream", "application/x-ndjson"} {
		p := call(t, h, "GET /v1/events?cursor=c1", "", "Accept", accept).problem(http.StatusGone, "cursor-gone")
		require.Equal(t, "c9", p["latest"])
		require.Contains(t, p["detail"], "latest")
	}
	for err, want := range map[error]int{
		&session.LimitError{Thing: "streams of events", Used: 1, Limit: 1}: 429, session.ErrDraining: 503, session.Invalid("cursor", "is none"): 400,
		context.DeadlineExceeded: 503,
	} {
		h := handlerOf(t, config(&fake{follow: func(context.Context, string, session.EventFilter) (EventStream, error) { return nil, err }}))
		require.Equal(t, want, call(t, h, "GET /v1/events", "", "Accept", "text/event-stream").status)
	}
}

// script is a stream of given batches; where they are over it waits.
type script struct {
	batches chan session.EventBatch
	closed  chan struct{}
}

func (s *script) Next(ctx context.Context) (session.EventBatch, error) {
	select {
	case b := <-s.batches:
		return b, nil
	case <-ctx.Done():
		return session.EventBatch{}, ctx.Err()
	}
}
func (s *script) Cursor() string { return "c1" }
func (s *script) Close()         { close(s.closed) }

// followed opens a stream over HTTP and returns its lines.
func followed(t *testing.T, s *script, bookmarks time.Duration, header ...string) (*bufio.Reader, *http.Response, func()) {
	t.Helper()
	h := handlerOf(t, config(&fake{follow: func(_ context.Context, cursor string, _ session.EventFilter) (EventStream, error) {
		require.Equal(t, "c0", cursor)
		return s, nil
	}}))
	h.(*api).bookmarks = bookmarks
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/v1/events?cursor=c0", nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return bufio.NewReader(resp.Body), resp, cancel
}

func TestFollowEvents(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{
		"text/event-stream": "id: c1\nevent: bookmark\ndata: {\"cursor\":\"c1\"}\n\n" +
			"event: session.moved\ndata: " + movedJSON + "\n\nid: c2\nevent: node.recovered\ndata: " + recoveredJSON + "\n\n" +
			"event: end\ndata: {\"reason\":\"cursor-gone\"}\n\n",
		"application/x-ndjson": `{"type":"bookmark","cursor":"c1"}` + "\n" + movedJSON + "\n" + recoveredJSON + "\n" + `{"type":"end","reason":"cursor-gone"}` + "\n",
	} {
		s := &script{make(chan session.EventBatch, 2), make(chan struct{})}
		s.batches <- session.EventBatch{Events: happened(), Cursor: "c2"}
		s.batches <- session.EventBatch{End: "cursor-gone", Cursor: "c2"}
		lines, resp, _ := followed(t, s, time.Hour, "Accept", accept)
		require.Equal(t, accept, resp.Header.Get("Content-Type"))
		got, err := io.ReadAll(lines)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
		awaited(t, s.closed)
	}
}

// Bookmarks come though nothing happens; Last-Event-ID says where to begin, whatever the query says; a caller that goes ends the stream.
func TestEventsAreBookmarked(t *testing.T) {
	t.Parallel()
	s := &script{make(chan session.EventBatch), make(chan struct{})}
	lines, _, leave := followed(t, s, time.Millisecond, "Accept", "application/x-ndjson", "Last-Event-ID", "c0")
	for range 5 {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		var v map[string]string
		require.NoError(t, json.Unmarshal([]byte(line), &v))
		require.Equal(t, map[string]string{"type": "bookmark", "cursor": "c1"}, v)
	}
	leave()
	awaited(t, s.closed)
	_, err := io.ReadAll(lines)
	require.True(t, errors.Is(err, context.Canceled) || err == nil || strings.Contains(err.Error(), "EOF"), err)
}

// A fleet of the most partitions has cursors of some 30,000 characters, and who comes back may send two.
func TestCursorsOfTheMostPartitionsFit(t *testing.T) {
	t.Parallel()
	cursor := strings.Repeat("c", session.MaxCursor/2)
	cfg, board := fed(t, &fake{
		pageEvents: func(_ context.Context, got string, _ session.EventFilter, _ int) (session.EventPage, error) {
			require.Equal(t, cursor, got)
			return session.EventPage{Next: cursor}, nil
		},
		follow: func(_ context.Context, got string, _ session.EventFilter) (EventStream, error) {
			require.Equal(t, cursor, got)
			return nil, session.ErrDraining
		},
	})
	s := serveAs(t, cfg, board, nil)
	for accept, want := range map[string]int{"application/json": http.StatusOK, "text/event-stream": http.StatusServiceUnavailable} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(s.url, "/v1/nodes/node-1/assignments")+"/v1/events?cursor="+cursor, nil)
		require.NoError(t, err)
		req.Header.Set("Accept", accept)
		req.Header.Set("Last-Event-ID", cursor)
		resp, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode)
	}
}

// A node that stops ends its streams of events.
func TestShutdownEndsEvents(t *testing.T) {
	t.Parallel()
	ended := make(chan string, 1)
	h := handlerOf(t, config(&fake{endEvents: func(reason string) { ended <- reason }}))
	require.NoError(t, Server("", h).Shutdown(t.Context()))
	require.Equal(t, "draining", awaited(t, ended))
}
