package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Message is one message of a session, as an answer tells it.
type Message struct {
	ID    string `json:"id"`
	Value string `json:"value"`
	Epoch uint64 `json:"epoch"`
}

// position is where the message stands among the session's, from 1.
func (m Message) position() uint64 { return positionOf(m.ID) }

// positionOf reads the position out of a message's id; that of no message ("") is 0.
func positionOf(id string) uint64 {
	text, _, _ := strings.Cut(id, "-")
	n, _ := strconv.ParseUint(text, 10, 64)
	return n
}

// messageView is what the API says of a message.
type messageView struct {
	ID    string `json:"id"`
	Data  string `json:"data"`
	Epoch uint64 `json:"epoch"`
}

// message leaves out what only makes the message long.
func (v messageView) message() Message {
	value, _, _ := strings.Cut(v.Data, " ")
	return Message{v.ID, value, v.Epoch}
}

// seeBeside takes in what an answer tells of messages or of a context. That of a write tells the session's epoch, too, as it was when the
// write took effect; but a publish that was sent before may have taken effect then.
func (o *Op) seeBeside(a answer) {
	var err error
	switch o.Kind {
	case Publish, Messages:
		var v struct{ Messages []messageView }
		err = json.Unmarshal(a.body, &v)
		for _, m := range v.Messages {
			o.Page = append(o.Page, m.message())
		}
		if o.Kind == Publish && err == nil && len(o.Page) != 1 {
			err = fmt.Errorf("%d messages were published", len(o.Page))
		}
		if o.Kind == Publish && err == nil && !o.Repeat {
			o.Seen = &State{Epoch: o.Page[0].Epoch}
		}
	case PutContext, GetContext:
		is := parseTag(a.header.Get("ETag"))
		is.Value, is.Whole = o.Value, true
		if o.Kind == GetContext {
			err = json.Unmarshal(a.body, &is.Value)
		} else {
			o.Seen = &State{Epoch: is.Epoch}
		}
		o.Context = &is
	}
	if err != nil {
		o.Outcome, o.Error = Unknown, err.Error()
	}
}

// speech is what a client remembers of messages and contexts.
type speech struct {
	owed     *Op               // a publish under a key that is sent again: its outcome is not known, or only to see that nothing comes of it
	cursors  map[string]string // by session: where reading its messages has come to
	contexts map[string]State  // by session: what it saw last
}

func newSpeech() speech { return speech{cursors: map[string]string{}, contexts: map[string]State{}} }

// talk is the share of calls that are about messages and contexts.
func (m Mix) talk() int { return m.Publish + m.Messages + m.PutContext + m.GetContext }

// talk makes the call of the mix that n, which is less than its share, stands for.
func (c *client) talk(ctx context.Context, id string, n int) Outcome {
	switch m := c.mix; {
	case n < m.Publish && c.pool.maySay(id):
		return c.publish(ctx, id)
	case n < m.Publish+m.Messages:
		return c.readMessages(ctx, id)
	case n < m.Publish+m.Messages+m.PutContext:
		return c.putContext(ctx, id)
	default:
		return c.getContext(ctx, id)
	}
}

// publish adds a message: every other one under a key, some as who holds the session.
func (c *client) publish(ctx context.Context, id string) Outcome {
	o := Op{Kind: Publish, Session: id, Value: c.value()}
	if c.rng.IntN(2) == 0 {
		o.Key = o.Value
	}
	if c.rng.IntN(3) == 0 {
		o.Epoch = c.beliefs[id].Epoch
	}
	return c.send(ctx, o)
}

// needless is one in how many publishes under a key are sent again though their outcome is known.
const needless = 8

// send publishes, and keeps in mind what is to be sent again.
func (c *client) send(ctx context.Context, o Op) Outcome {
	headers := map[string]string{}
	if o.Key != "" {
		headers["Idempotency-Key"] = o.Key
	}
	if o.Epoch > 0 {
		headers["Session-Epoch"] = fmt.Sprint(o.Epoch)
	}
	outcome := c.do(ctx, o, "POST", "/v1/sessions/"+o.Session+"/messages", map[string]string{"kind": "load", "data": o.Value}, headers)
	c.owed = nil
	if o.Key != "" && (outcome == Unknown || outcome == OK && !o.Repeat && c.rng.IntN(needless) == 0) {
		o.Repeat, c.owed = true, &o
	}
	return outcome
}

// pageLimit is how many messages one read asks for.
const pageLimit = 20

// readMessages goes on where it had come to, or begins again.
func (c *client) readMessages(ctx context.Context, id string) Outcome {
	o := Op{Kind: Messages, Session: id, Limit: pageLimit}
	if c.rng.IntN(3) > 0 {
		o.After = c.cursors[id]
	}
	o = c.call(ctx, o, "GET", o.pagePath(), nil, nil)
	if n := len(o.Page); n > 0 {
		c.cursors[id] = o.Page[n-1].ID
	}
	c.learn(o)
	return o.Outcome
}

func (o Op) pagePath() string {
	path := fmt.Sprintf("/v1/sessions/%s/messages?limit=%d", o.Session, o.Limit)
	if o.After != "" {
		path += "&after=" + o.After
	}
	return path
}

// putContext writes the context, on a condition that the client believes to hold in about half of the calls.
func (c *client) putContext(ctx context.Context, id string) Outcome {
	o := Op{Kind: PutContext, Session: id, Value: c.value()}
	headers := map[string]string{}
	switch was := c.contexts[id]; c.rng.IntN(4) {
	case 0, 1:
		if was.Stamped() {
			o.IfMatch = was.Tag()
			headers["If-Match"] = o.IfMatch
		}
	case 2:
		if o.Epoch = c.beliefs[id].Epoch; o.Epoch > 0 {
			headers["Session-Epoch"] = fmt.Sprint(o.Epoch)
		}
	}
	return c.context(ctx, o, "PUT", o.Value, headers)
}

func (c *client) getContext(ctx context.Context, id string) Outcome {
	return c.context(ctx, Op{Kind: GetContext, Session: id}, "GET", nil, nil)
}

func (c *client) context(ctx context.Context, o Op, method string, body any, headers map[string]string) Outcome {
	o = c.call(ctx, o, method, "/v1/sessions/"+o.Session+"/context", body, headers)
	if o.Context != nil {
		c.contexts[o.Session] = *o.Context
	}
	c.learn(o)
	return o.Outcome
}
