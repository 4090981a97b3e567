package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

const messagesPath = "/v1/sessions/" + someID + "/messages"

func message(position uint64, data string) session.Message {
	return session.Message{ID: session.MessageID{Position: position, Number: 9}, Kind: "output", Data: []byte(data),
		PublishedAt: time.UnixMilli(1_700_000_000_123), Epoch: 3}
}

const messageText = `{"id":"1-9","kind":"output","data":{"a":[1,null,0.5]},"publishedAt":"2023-11-14T22:13:20.123Z","epoch":3}`

func TestPublish(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"data":null}`: "message null",
		`{"kind":"input","data":{"b":1,"a":[1.5,"x"]}}`:                                                  `input {"a":[1.5,"x"],"b":1}`,
		`{"messages":[{"data":"a\nb"},{"kind":null,"data":9007199254740993},{"kind":"k","data":false}]}`: `message "a\nb", message 9007199254740993, k false`,
	} {
		f := &fake{publish: func(_ context.Context, id session.ID, p session.Publication) ([]session.Message, error) {
			var got []string
			for _, m := range p.Messages {
				got = append(got, m.Kind+" "+string(m.Data))
			}
			require.Equal(t, want, strings.Join(got, ", "))
			require.Equal(t, session.ID(someID), id)
			require.Equal(t, uint64(3), p.Epoch)
			require.Equal(t, "k", p.Idempotency.Key)
			require.NotEmpty(t, p.Idempotency.Fingerprint)
			return []session.Message{message(1, `{"a":[1,null,0.5]}`)}, nil
		}}
		r := call(t, handlerOf(t, config(f)), "POST "+messagesPath, body, "Session-Epoch", "3", "Idempotency-Key", "k")
		r.ok(http.StatusCreated)
		require.Equal(t, `{"messages":[`+messageText+"]}\n", r.body)
	}
}

func TestPublishIsRefused(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	for body, field := range map[string]string{
		`{}`: "data", `{"kind":7,"data":1}`: "kind", `{"kind":"a b","data":1}`: "messages[0].kind", `{"data":1,"x":2}`: "x", `{"messages":[]}`: "messages",
		`{"messages":7}`: "messages", `{"messages":[7]}`: "messages[0]", `{"messages":[{"data":1},{"kind":"k"}]}`: "messages[1].data",
		`{"messages":[{"data":1}],"data":2}`: "data", `{"messages":[{"data":1,"id":"1-1"}]}`: "messages[0].id", `[]`: "body", ``: "body",
	} {
		call(t, h, "POST "+messagesPath, body).invalid(field)
	}
	call(t, h, "POST "+messagesPath+"?x=1", `{"data":1}`).invalid("x")
	call(t, h, "POST /v1/sessions/1/messages", `{"data":1}`).invalid("id")
	call(t, h, "POST "+messagesPath, `{"data":1}`, "If-Match", "*").invalid("If-Match")
	call(t, h, "POST "+messagesPath, `{"data":1}`, "Session-Epoch", "0").invalid("Session-Epoch")
	call(t, h, "POST "+messagesPath, `{"data":1}`, "Idempotency-Key", "").invalid("Idempotency-Key")
	call(t, h, "POST "+messagesPath, `{"data":1}`, "Content-Type", "text/plain").problem(http.StatusUnsupportedMediaType, "unsupported-media-type")
	most := strings.Repeat("x", session.MaxMessage-2)
	p := call(t, h, "POST "+messagesPath, `{"data":"`+most+`x"}`).problem(http.StatusRequestEntityTooLarge, "too-large")
	require.EqualValues(t, session.MaxMessage+1, p["used"])
	require.EqualValues(t, session.MaxMessage, p["limit"])
	p = call(t, h, "POST "+messagesPath, `{"messages":[`+strings.Repeat(`{"data":1},`, session.MaxPublished)+`{"data":1}]}`).problem(http.StatusRequestEntityTooLarge, "too-large")
	require.EqualValues(t, session.MaxPublished+1, p["used"])
	call(t, h, "POST "+messagesPath, `{"data":"`+strings.Repeat("x", MaxMessagesBody)+`"}`).problem(http.StatusRequestEntityTooLarge, "too-large")
	full := &fake{publish: func(_ context.Context, _ session.ID, p session.Publication) ([]session.Message, error) {
		require.Len(t, p.Messages, session.MaxPublished)
		return nil, session.ErrNotFound
	}}
	call(t, handlerOf(t, config(full)), "POST "+messagesPath, `{"messages":[`+strings.Repeat(`{"data":"`+most+`"},`, session.MaxPublished-1)+`{"data":"`+most+`"}]}`).
		problem(http.StatusNotFound, "session-not-found")
}

// How deep a message's data may nest does not depend on what stands around it.
func TestTheDepthOfAMessage(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{publish: func(context.Context, session.ID, session.Publication) ([]session.Message, error) {
		return []session.Message{message(1, "1")}, nil
	}}))
	for form, field := range map[string]string{`{"data":%s}`: "data", `{"messages":[{"data":1},{"data":%s}]}`: "messages"} {
		for _, packed := range []bool{false, true} {
			publish := func(levels int) response {
				body, mediaType := fmt.Sprintf(form, nested(levels)), "application/json"
				if packed {
					body, _ = packText(body, true)
					mediaType = "application/msgpack"
				}
				return call(t, h, "POST "+messagesPath, body, "Content-Type", mediaType)
			}
			publish(MaxConfigDepth).ok(http.StatusCreated)
			publish(MaxConfigDepth + 1).invalid(field)
		}
		call(t, h, "POST "+messagesPath, fmt.Sprintf(form, nested(100_000))).problem(http.StatusBadRequest, "invalid-request")
	}
}

func TestMessagesAreRead(t *testing.T) {
	t.Parallel()
	var asked session.MessageQuery
	var as session.Consistency
	f := &fake{messages: func(_ context.Context, _ session.ID, q session.MessageQuery, c session.Consistency) (session.MessagePage, error) {
		asked, as = q, c
		if q.After.Position == 5 {
			return session.MessagePage{}, &session.CursorGoneError{After: q.After, Oldest: session.MessageID{Position: 7}}
		}
		return session.MessagePage{Messages: []session.Message{message(1, `{"a":[1,null,0.5]}`)}, Next: session.MessageID{Position: 1, Number: 9}}, nil
	}}
	h := handlerOf(t, config(f))
	r := call(t, h, "GET "+messagesPath, "")
	r.ok(http.StatusOK)
	require.Equal(t, `{"messages":[`+messageText+`],"nextAfter":"1-9"}`+"\n", r.body)
	require.Equal(t, session.MessageQuery{Oldest: true, Limit: session.DefaultPage}, asked)
	call(t, h, "GET "+messagesPath+"?after=2-77&limit=1000&kind=a&kind=b/c&consistency=eventual", "").ok(http.StatusOK)
	require.Equal(t, session.MessageQuery{After: session.MessageID{Position: 2, Number: 77}, Kinds: []string{"a", "b/c"}, Limit: 1000}, asked)
	require.Equal(t, session.Eventual, as)
	call(t, h, "GET "+messagesPath+"?after=latest", "").ok(http.StatusOK)
	require.True(t, asked.Latest)
	p := call(t, h, "GET "+messagesPath+"?after=5-1", "").problem(http.StatusGone, "cursor-gone")
	require.Equal(t, "7-0", p["oldest"])
	for query, field := range map[string]string{
		"after=": "after", "after=1": "after", "after=01-1": "after", "after=1-": "after", "after=-1-1": "after", "after=1-9223372036854775808": "after", "after=1-1&after=2-2": "after",
		"limit=0": "limit", "limit=1001": "limit", "kind=": "kind", "kind=a%20b": "kind", "consistency=x": "consistency", "x=1": "x", strings.Repeat("kind=a&", 65) + "limit=1": "kind",
	} {
		call(t, h, "GET "+messagesPath+"?"+query, "").invalid(field)
	}
	packed := call(t, h, "GET "+messagesPath, "", "Accept", "application/msgpack")
	v, err := parsePacked([]byte(packed.body))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": []any{int64(1), nil, 0.5}}, v["messages"].([]any)[0].(map[string]any)["data"])
}

// feed is a session's messages as a test has them come.
type feed struct {
	pages chan any // session.MessagePage or error
	wake  chan struct{}
	asked chan session.MessageQuery
	ended chan struct{}
}

func newFeed() *feed {
	return &feed{make(chan any, 10), make(chan struct{}, 1), make(chan session.MessageQuery, 1000), make(chan struct{})}
}

func (f *feed) fake() *fake {
	return &fake{
		published: func(session.ID) (<-chan struct{}, func()) { return f.wake, func() { close(f.ended) } },
		messages: func(_ context.Context, _ session.ID, q session.MessageQuery, _ session.Consistency) (session.MessagePage, error) {
			select {
			case f.asked <- q:
			default:
			}
			select {
			case next := <-f.pages:
				if err, failed := next.(error); failed {
					return session.MessagePage{}, err
				}
				return next.(session.MessagePage), nil
			default:
				return session.MessagePage{Next: q.After}, nil
			}
		},
	}
}

func pageOf(positions ...uint64) session.MessagePage {
	var p session.MessagePage
	for _, n := range positions {
		m := message(n, fmt.Sprint(n))
		p.Messages, p.Next = append(p.Messages, m), m.ID
	}
	return p
}

// followedMessages serves a feed and follows it.
func followedMessages(t *testing.T, f *feed, p pace, headers ...string) (*stream, *door) {
	t.Helper()
	s := serve(t, func(_ *http.Server, a *api) { a.cfg.Messages, a.pace = f.fake(), p })
	s.url = strings.TrimSuffix(s.url, "/v1/nodes/node-1/assignments") + messagesPath
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"?after=1-9", nil)
	require.NoError(t, err)
	req.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return &stream{t, resp, bufio.NewReader(resp.Body)}, s
}

// at reads the next event, which must have an id.
func (st *stream) at(name, id string) map[string]any {
	st.t.Helper()
	line, err := st.lines.ReadString('\n')
	require.NoError(st.t, err)
	require.Equal(st.t, "id: "+id+"\n", line)
	return st.next(name)
}

func TestMessagesAreFollowed(t *testing.T) {
	t.Parallel()
	f := newFeed()
	f.pages <- pageOf(2, 3)
	st, _ := followedMessages(t, f, pace{time.Hour, time.Hour})
	require.Equal(t, "text/event-stream", st.resp.Header.Get("Content-Type"))
	require.EqualValues(t, 2, st.at("message", "2-9")["data"])
	require.EqualValues(t, 3, st.at("message", "3-9")["data"])
	require.Equal(t, session.MessageQuery{After: session.MessageID{Position: 1, Number: 9}, Limit: followStep}, <-f.asked)
	f.pages <- pageOf(4)
	f.wake <- struct{}{}
	st.at("message", "4-9")
	require.Equal(t, uint64(3), (<-f.asked).After.Position)
	f.pages <- errors.New("redis does not answer") // none yet
	f.wake <- struct{}{}
	<-f.asked
	f.pages <- session.ErrNotFound // home alone
	f.pages <- pageOf(5)           // all records
	f.wake <- struct{}{}
	st.at("message", "5-9")
	f.pages <- session.ErrNotFound
	f.pages <- session.ErrNotFound
	f.wake <- struct{}{}
	require.Equal(t, "deleted", st.next("end")["reason"])
	st.over()
	<-f.ended
}

// No event has an id that is ahead of the messages told: a caller who comes back after any of them misses none.
func TestAStreamOfMessagesGoesOnAfterAnyOfItsEvents(t *testing.T) {
	t.Parallel()
	all := pageOf(2, 3, 4)
	f := &fake{
		published: func(session.ID) (<-chan struct{}, func()) { return nil, func() {} },
		messages: func(_ context.Context, _ session.ID, q session.MessageQuery, _ session.Consistency) (session.MessagePage, error) {
			page := session.MessagePage{Next: q.After}
			for _, m := range all.Messages {
				if m.ID.Position > q.After.Position {
					page.Messages, page.Next = append(page.Messages, m), m.ID
				}
			}
			return page, nil
		},
	}
	s := serve(t, func(_ *http.Server, a *api) { a.cfg.Messages, a.pace = f, pace{time.Hour, time.Hour} })
	s.url = strings.TrimSuffix(s.url, "/v1/nodes/node-1/assignments") + messagesPath
	last, got := "1-9", []string{}
	for range all.Messages {
		st := s.follow("Last-Event-ID", last)
		id, err := st.lines.ReadString('\n')
		require.NoError(t, err)
		last = strings.TrimPrefix(strings.TrimSpace(id), "id: ")
		st.next("message")
		got = append(got, last)
		require.NoError(t, st.resp.Body.Close())
	}
	require.Equal(t, []string{"2-9", "3-9", "4-9"}, got)
	s.follow("Last-Event-ID", last).at("bookmark", "4-9")
}

func TestAStreamOfMessagesLooksAndMarks(t *testing.T) {
	t.Parallel()
	f := newFeed()
	st, _ := followedMessages(t, f, pace{time.Millisecond, 2 * time.Millisecond}, "Last-Event-ID", "7-9")
	require.Equal(t, uint64(7), (<-f.asked).After.Position) // it wins over after
	st.at("bookmark", "7-9")
	st.at("bookmark", "7-9")
	f.pages <- &session.CursorGoneError{}
	for {
		line, err := st.lines.ReadString('\n')
		require.NoError(t, err)
		if line == "event: end\n" {
			line, err = st.lines.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "data: {\"reason\":\"cursor-gone\"}\n", line)
			return
		}
	}
}

func TestAStreamOfMessagesEndsWithTheServer(t *testing.T) {
	t.Parallel()
	f := newFeed()
	st, s := followedMessages(t, f, pace{time.Hour, time.Hour})
	st.at("bookmark", "1-9")
	stopped := make(chan error, 1)
	go func() { stopped <- s.server.Shutdown(context.WithoutCancel(t.Context())) }()
	require.Equal(t, "draining", st.next("end")["reason"])
	st.over()
	require.NoError(t, <-stopped)
}

func TestAStreamOfMessagesIsRefused(t *testing.T) {
	t.Parallel()
	f := newFeed()
	cfg := config(f.fake())
	h := handlerOf(t, cfg).(*api)
	accept := []string{"Accept", "text/event-stream"}
	call(t, h, "GET "+messagesPath, "", append(accept, "Last-Event-ID", "x")...).invalid("Last-Event-ID")
	call(t, h, "GET "+messagesPath+"?limit=5", "", accept...).invalid("limit")
	call(t, h, "GET "+messagesPath+"?consistency=eventual", "", accept...).invalid("consistency")
	f.pages <- session.ErrNotFound
	call(t, h, "GET "+messagesPath, "", accept...).problem(http.StatusNotFound, "session-not-found")
}
