package session

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// MessageID names a message of a session: "<position>-<number>", its position among the session's messages, from 1, and a number that tells
// publishes apart. Equal ids mean the same message. It is also a cursor: go on after this message. The zero MessageID stands before the first.
type MessageID struct{ Position, Number uint64 }

// String returns the id as Redis streams write it; it is opaque to clients.
func (id MessageID) String() string {
	return strconv.FormatUint(id.Position, 10) + "-" + strconv.FormatUint(id.Number, 10)
}

// IsZero reports whether the id stands before the first message.
func (id MessageID) IsZero() bool { return id == MessageID{} }

// ParseMessageID reads the form that String writes, and no other. It fails with an *InvalidError that names the field "after".
func ParseMessageID(s string) (MessageID, error) {
	position, number, _ := strings.Cut(s, "-")
	var id MessageID
	var err error
	if id.Position, err = strconv.ParseUint(position, 10, 63); err == nil {
		id.Number, err = strconv.ParseUint(number, 10, 63)
	}
	if err != nil || id.String() != s {
		return MessageID{}, Invalid("after", "must be the id of a message, or the nextAfter of an answer")
	}
	return id, nil
}

// Number returns the 63 bits of the operation's id by which messages that it published are told from others'.
func (op OpID) Number() uint64 {
	u, err := uuid.Parse(string(op))
	if err != nil {
		return 0
	}
	return binary.BigEndian.Uint64(u[8:]) &^ (1 << 63)
}

// Message is one message of a session.
type Message struct {
	ID          MessageID
	Kind        string
	Data        []byte // a JSON value
	PublishedAt time.Time
	Epoch       uint64 // of the session when it was published
}

// MessageDraft is a message before it is published.
type MessageDraft struct {
	Kind string
	Data []byte // a JSON value, at most MaxMessage bytes
}

// DefaultMessageKind is a message's kind where none is given.
const DefaultMessageKind = "message"

// Publication is what one request publishes.
type Publication struct {
	Messages    []MessageDraft // 1 to MaxPublished
	Epoch       uint64         // the holder's epoch; 0: the publisher does not claim to own the session
	Idempotency Idempotency    // a repeat answers with the first result while its messages are kept
}

// Validate checks the limits of all messages. It fails with an *InvalidError or a *TooLargeError.
func (p Publication) Validate() error {
	if len(p.Messages) == 0 {
		return Invalid("messages", "must hold at least one message")
	}
	if len(p.Messages) > MaxPublished {
		return &TooLargeError{Thing: "messages (their number)", Used: len(p.Messages), Limit: MaxPublished}
	}
	for i, m := range p.Messages {
		if err := token(fmt.Sprintf("messages[%d].kind", i), m.Kind, MaxMessageKind); err != nil {
			return err
		}
		if len(m.Data) == 0 {
			return Invalid(fmt.Sprintf("messages[%d].data", i), "is required")
		}
		if len(m.Data) > MaxMessage {
			return &TooLargeError{Thing: fmt.Sprintf("messages[%d].data", i), Used: len(m.Data), Limit: MaxMessage}
		}
	}
	return nil
}

// Validate checks the limits. It fails with an *InvalidError.
func (q MessageQuery) Validate() error {
	if q.Limit < 1 || q.Limit > MaxPage {
		return Invalid("limit", fmt.Sprintf("must be between 1 and %d", MaxPage))
	}
	for _, kind := range q.Kinds {
		if err := token("kind", kind, MaxMessageKind); err != nil {
			return err
		}
	}
	return nil
}

// MessageQuery says which messages are asked for.
type MessageQuery struct {
	After  MessageID
	Oldest bool     // from the oldest that is kept, whatever After says
	Latest bool     // none, but where those to come begin
	Kinds  []string // none: all
	Limit  int      // 1 to MaxPage
}

// MessagePage is an answer to a MessageQuery.
type MessagePage struct {
	Messages []Message
	Next     MessageID // where to go on; what was asked after, where nothing came
}

// Context is a session's opaque state.
type Context struct {
	Data      []byte
	Type      string // its content type
	Stamp     Stamp  // of the change that wrote it: its ETag
	UpdatedAt time.Time
}

// DefaultContextType is a context's content type where none is given.
const DefaultContextType = "application/octet-stream"

// Validate checks the limits. It fails with an *InvalidError or a *TooLargeError.
func (c Context) Validate() error {
	unprintable := func(r rune) bool { return r < ' ' || r > '~' }
	switch {
	case c.Type == "" || len(c.Type) > MaxContextType || strings.ContainsFunc(c.Type, unprintable):
		return Invalid("Content-Type", fmt.Sprintf("must have 1 to %d printable ASCII characters", MaxContextType))
	case len(c.Data) > MaxContext:
		return &TooLargeError{Thing: "context", Used: len(c.Data), Limit: MaxContext}
	}
	return nil
}
