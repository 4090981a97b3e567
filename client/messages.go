package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Message is one message of a session. The fleet keeps the last 1,000 of each.
type Message struct {
	ID          string          `json:"id"` // opaque; where to go on after it
	Kind        string          `json:"kind"`
	Data        json.RawMessage `json:"data"`
	PublishedAt time.Time       `json:"publishedAt"`
	Epoch       uint64          `json:"epoch"` // the session's, when it was published
}

// Latest is a cursor that begins at the end: with what comes from now on.
const Latest = "latest"

// MessageDraft is a message that is to be published.
type MessageDraft struct {
	Kind string `json:"kind,omitempty"` // up to 63 letters, digits, '.', '_', '-' and '/'; empty: "message"
	Data any    `json:"data"`           // what JSON can say in at most 16 KiB
}

// Publication says how messages are published; the zero one will do.
type Publication struct {
	// Epoch is the epoch under which the caller holds the session; at any other it is ErrStaleEpoch. 0: the caller does not claim to.
	Epoch uint64
	// IdempotencyKey makes a repeat answer with the first result while its messages are kept. Empty: the client draws one for the attempts
	// of this call.
	IdempotencyKey string
}

// Publish adds 1 to 100 messages to a session, together and in their order, and returns them as they are kept. It is repeated under its
// idempotency key until that is known.
func (c *Client) Publish(ctx context.Context, id string, how Publication, messages ...MessageDraft) ([]Message, error) {
	path, err := sessionPath(id, "/messages")
	if err != nil {
		return nil, err
	}
	r, err := jsonRequest(http.MethodPost, path, map[string][]MessageDraft{"messages": messages})
	if err != nil {
		return nil, err
	}
	if err := r.on(Condition{Epoch: how.Epoch}); err != nil {
		return nil, err
	}
	if err := r.keyed(how.IdempotencyKey); err != nil {
		return nil, err
	}
	var out struct{ Messages []Message }
	_, err = c.call(ctx, r, &out)
	return out.Messages, err
}

// MessageSelection says which messages of a session are read.
type MessageSelection struct {
	After       string   // the id of a message; empty: from the oldest that is kept
	Kinds       []string // any of these; empty: all
	Limit       int      // of one page, 1 to 1,000; 0: 100
	Consistency Consistency
}

func (sel MessageSelection) query() url.Values {
	q := url.Values{}
	if len(sel.Kinds) > 0 {
		q["kind"] = sel.Kinds
	}
	return q
}

// MessagePage is one page of messages. NextAfter is where to go on, also where nothing came.
type MessagePage struct {
	Messages  []Message `json:"messages"`
	NextAfter string    `json:"nextAfter"`
}

// Messages returns one page of a session's messages, oldest first. It fails with ErrCursorGone where messages after the cursor are not kept
// any more; the error's Oldest is where to go on.
func (c *Client) Messages(ctx context.Context, id string, sel MessageSelection) (MessagePage, error) {
	path, err := sessionPath(id, "/messages")
	if err != nil {
		return MessagePage{}, err
	}
	q := sel.Consistency.query(sel.query())
	if sel.After != "" {
		q.Set("after", sel.After)
	}
	if sel.Limit != 0 {
		q.Set("limit", strconv.Itoa(sel.Limit))
	}
	var page MessagePage
	_, err = c.call(ctx, &request{method: http.MethodGet, path: path, query: q}, &page)
	return page, err
}

// FollowMessages returns a session's messages after a cursor, and then those to come, in order and each once. After may be Latest; a
// stream that is lost before it has told anything then begins at the end anew. Where the
// stream is lost it goes on at another node. It ends with the error that comes last: ErrNotFound when the session is deleted, ErrCursorGone
// when the reader is too slow, ErrUnavailable when nobody answers for RetryFor, ctx's.
func (c *Client) FollowMessages(ctx context.Context, id string, sel MessageSelection) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		path, err := sessionPath(id, "/messages")
		if err == nil {
			err = headerText("After", sel.After, maxCursor)
		}
		if err != nil {
			yield(Message{}, err)
			return
		}
		err = c.follow(ctx, &follow{path: path, query: sel.query(), cursor: sel.After, begin: "after",
			at: func(data []byte) string {
				var mark struct{ After string }
				_ = json.Unmarshal(data, &mark)
				return mark.After
			},
			take: func(name, _ string, data []byte) (bool, error) {
				if name != "message" {
					return true, nil // of a kind that this version does not know
				}
				var m Message
				if err := json.Unmarshal(data, &m); err != nil {
					return false, brokenEvent(path, err)
				}
				return yield(m, nil), nil
			}})
		if err != nil {
			yield(Message{}, err)
		}
	}
}

func brokenEvent(path string, err error) error {
	return &Error{Code: CodeBrokenAnswer, Status: http.StatusOK, Detail: "an event cannot be read: " + err.Error(), Err: err, request: "GET " + path}
}
