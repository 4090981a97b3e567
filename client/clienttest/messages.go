package clienttest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"orchestrator/client"
)

// What is kept of a session's messages, and how large they may be.
const (
	messagesKept = 1000
	maxMessage   = 16 << 10
	maxPublished = 100
	maxMessages  = 2 << 20 // bytes of a body that publishes
)

type messageDraft struct {
	Kind string
	Data json.RawMessage
}

// publication is what an idempotency key of a publish stands for.
type publication struct {
	body     []byte
	messages []client.Message
}

func (n *node) publish(w http.ResponseWriter, r *http.Request) *problem {
	s, p := n.find(r)
	if p != nil {
		return p
	}
	if p := holds(r, s, s.stamp); p != nil {
		return p
	}
	var in struct {
		messageDraft

		Messages []messageDraft
	}
	raw, p := body(r, maxMessages)
	if p == nil {
		p = parse(raw, &in)
	}
	if p != nil {
		return p
	}
	if in.Messages == nil {
		in.Messages = []messageDraft{in.messageDraft}
	}
	if len(in.Messages) == 0 || len(in.Messages) > maxPublished {
		return invalid("messages", "must hold 1 to %d", maxPublished)
	}
	key := r.Header.Get("Idempotency-Key")
	if before, used := s.keys[key]; used && key != "" {
		if !bytes.Equal(before.body, raw) {
			return refuse(http.StatusUnprocessableEntity, "idempotency-mismatch", "the Idempotency-Key was used with another body")
		}
		return reply(w, http.StatusCreated, map[string]any{"messages": before.messages})
	}
	var out []client.Message
	for i, m := range in.Messages {
		m.Data = canonical(m.Data)
		switch {
		case m.Data == nil:
			return invalid(fmt.Sprintf("messages[%d].data", i), "is required")
		case len(m.Data) > maxMessage:
			p := refuse(http.StatusRequestEntityTooLarge, "too-large", "messages[%d].data is too large", i)
			p.Used, p.Limit = len(m.Data), maxMessage
			return p
		case m.Kind == "":
			m.Kind = "message"
		}
		serial := n.fleet.nextSerial()
		out = append(out, client.Message{ID: fmt.Sprintf("%d-%d", serial, serial), Kind: m.Kind, Data: m.Data, PublishedAt: now(), Epoch: s.Epoch})
	}
	s.messages = append(s.messages, out...)
	s.lastID = out[len(out)-1].ID
	if over := len(s.messages) - messagesKept; over > 0 {
		s.messages, s.dropped = slices.Delete(s.messages, 0, over), s.dropped+over
	}
	if key != "" {
		s.keys[key] = publication{raw, out}
	}
	n.fleet.stir()
	return reply(w, http.StatusCreated, map[string]any{"messages": out})
}

// canonical is JSON as a fleet keeps it: its length does not depend on how it was escaped.
func canonical(data json.RawMessage) json.RawMessage {
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return data
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return data
	}
	return bytes.TrimSpace(out.Bytes())
}

// beginning is the cursor before the first message.
const beginning = "0-0"

// last is the cursor of whoever wants only what comes from now on.
func (s *session) last() string { return cmp.Or(s.lastID, beginning) }

// after returns where the messages after a cursor begin.
func (s *session) after(cursor string) (int, *problem) {
	switch {
	case cursor == "" || cursor == beginning && s.dropped == 0:
		return 0, nil
	case cursor == client.Latest || cursor == s.last():
		return len(s.messages), nil
	}
	i := slices.IndexFunc(s.messages, func(m client.Message) bool { return number(m.ID) >= number(cursor) })
	switch {
	case number(cursor) == 0 && cursor != beginning:
		return 0, invalid("after", "must be the id of a message")
	case i < 0:
		return 0, invalid("after", "is no message of this session")
	case s.messages[i].ID == cursor:
		return i + 1, nil
	case s.dropped > 0:
		p := refuse(http.StatusGone, "cursor-gone", "messages after it are not kept any more")
		p.Oldest = fmt.Sprintf("%d-0", number(s.messages[0].ID)-1)
		return 0, p
	}
	return i, nil
}

func number(id string) (n uint64) {
	_, _ = fmt.Sscanf(id, "%d-", &n)
	return n
}

func (n *node) readMessages(w http.ResponseWriter, r *http.Request) *problem {
	s, p := n.find(r)
	if p != nil {
		return p
	}
	q := r.URL.Query()
	cursor := q.Get("after")
	if last := r.Header.Get("Last-Event-ID"); last != "" && streams(r) {
		cursor = last
	}
	from, p := s.after(cursor)
	if p != nil {
		return p
	}
	if streams(r) {
		n.followMessages(w, r, s, cursor, from)
		return nil
	}
	most, p := limit(r)
	if p != nil {
		return p
	}
	page, next := []client.Message{}, cmp.Or(cursor, beginning)
	if cursor == client.Latest {
		next = s.last()
	}
	for _, m := range s.messages[from:] {
		if next = m.ID; selected(q["kind"], m.Kind) {
			page = append(page, m)
		}
		if len(page) == most {
			break
		}
	}
	return reply(w, http.StatusOK, map[string]any{"messages": page, "nextAfter": next})
}

func (n *node) followMessages(w http.ResponseWriter, r *http.Request, s *session, cursor string, from int) {
	kinds, at := r.URL.Query()["kind"], s.dropped+from
	if cursor == "" || cursor == client.Latest {
		cursor = s.last()
	}
	greeted := false
	n.flow(w, r, 0, func() (items []item, last bool) {
		if n.fleet.sessions[s.ID] != s {
			return []item{{name: "end", data: map[string]string{"reason": "deleted"}}}, true
		}
		if at < s.dropped {
			return []item{{name: "end", data: map[string]string{"reason": "cursor-gone"}}}, true
		}
		for _, m := range s.messages[at-s.dropped:] {
			if selected(kinds, m.Kind) {
				items = append(items, item{"message", m.ID, m})
			}
		}
		if at = s.dropped + len(s.messages); !greeted && len(items) == 0 {
			items = append(items, item{"bookmark", cursor, map[string]string{"after": cursor}})
		}
		greeted = true
		return items, false
	})
}
