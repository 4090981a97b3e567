package httpapi

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

func (a *api) publishMessages(c *gin.Context, _ query) error {
	id, err := session.ParseID(c.Param("id"))
	if err != nil {
		return err
	}
	if err := refuse(c.Request.Header, "If-Match"); err != nil {
		return err
	}
	p := session.Publication{}
	if p.Epoch, err = holderEpoch(c.Request.Header); err != nil {
		return err
	}
	members, err := readMessages(c)
	if err != nil {
		return err
	}
	if p.Messages, err = decodeMessages(members); err != nil {
		return err
	}
	if p.Idempotency, err = idempotency(c.Request.Header, members); err != nil {
		return err
	}
	made, err := a.cfg.Messages.Publish(c.Request.Context(), id, p)
	if err != nil {
		return err
	}
	return reply(c, http.StatusCreated, publishedView(made))
}

// aroundData are the levels around a message's data, in a list of them, that data beside a kind has not.
const aroundData = 2

// readMessages reads the body of a publish, which may be larger than others.
func readMessages(c *gin.Context) (map[string]any, error) {
	body, mediaType, err := readBody(c, MaxMessagesBody, typeJSON)
	switch {
	case err != nil:
		return nil, err
	case body == nil:
		return nil, session.Invalid("body", "is required")
	case packed(mediaType):
		return parsePackedUpTo(body, MaxMessagesBody, aroundData)
	}
	return parseDeeper(body, aroundData)
}

// decodeMessages reads one message, or an array of them.
func decodeMessages(members map[string]any) (drafts []session.MessageDraft, err error) {
	f := read(members)
	one := func(f *fields) {
		d := session.MessageDraft{Kind: f.text("kind")}
		if v, given := f.members["kind"]; !given || v == nil {
			d.Kind = session.DefaultMessageKind
		}
		data := f.any("data")
		if levels(data) > MaxConfigDepth {
			f.wrong("data", tooDeep)
		}
		if f.err != nil {
			return
		}
		w := newWriter(false)
		defer w.free()
		w.value(data)
		d.Data = slices.Clone(w.out)
		drafts = append(drafts, d)
	}
	if _, many := members["messages"]; many {
		if n := f.list("messages", one); n > session.MaxPublished {
			return nil, &session.TooLargeError{Thing: "messages (their number)", Used: n, Limit: session.MaxPublished}
		}
	} else {
		one(f)
	}
	if err := f.done(); err != nil {
		return nil, err
	}
	return drafts, session.Publication{Messages: drafts}.Validate()
}

func (a *api) listMessages(c *gin.Context, q query) error {
	id, want, consistency, err := messageQuery(c, q)
	if err != nil {
		return err
	}
	page, err := a.cfg.Messages.Messages(c.Request.Context(), id, want, consistency)
	if err != nil {
		return err
	}
	return reply(c, http.StatusOK, messagesView(page))
}

// latest is the cursor of whoever wants only what comes from now on.
const latest = "latest"

// messageQuery reads which messages are asked for.
func messageQuery(c *gin.Context, q query) (id session.ID, want session.MessageQuery, consistency session.Consistency, err error) {
	if id, err = session.ParseID(c.Param("id")); err != nil {
		return id, want, 0, err
	}
	if consistency, err = consistencyOf(q); err != nil {
		return id, want, 0, err
	}
	if want.Limit, err = readLimit(q); err != nil {
		return id, want, 0, err
	}
	if want.Kinds = q.all("kind"); len(want.Kinds) > maxKinds {
		return id, want, 0, session.Invalid("kind", fmt.Sprintf("is given %d times, at most %d are allowed", len(want.Kinds), maxKinds))
	}
	switch after := q.get("after"); {
	case !q.has("after"):
		want.Oldest = true
	case after == latest:
		want.Latest = true
	default:
		if want.After, err = session.ParseMessageID(after); err != nil {
			return id, want, 0, err
		}
	}
	return id, want, consistency, want.Validate()
}

// maxKinds bounds how many kinds of messages a query may name.
const maxKinds = 64

// publishedView is what a publish is answered with.
type publishedView []session.Message

func (v publishedView) write(w *writer) {
	w.object(1)
	w.name("messages")
	writeMessages(w, v)
	w.end('}')
}

// messagesView is a page of messages.
type messagesView session.MessagePage

func (v messagesView) write(w *writer) {
	w.object(2)
	w.name("messages")
	writeMessages(w, v.Messages)
	w.name("nextAfter").text(v.Next.String())
	w.end('}')
}

func writeMessages(w *writer, messages []session.Message) {
	w.array(len(messages))
	for _, m := range messages {
		messageView(m).write(w)
	}
	w.end(']')
}

type messageView session.Message

func (v messageView) write(w *writer) {
	w.object(5)
	w.name("id").text(v.ID.String())
	w.name("kind").text(v.Kind)
	w.name("data").json(v.Data)
	w.name("publishedAt").instant(v.PublishedAt)
	w.name("epoch").unsigned(v.Epoch)
	w.end('}')
}
