package sessionstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// The fields of a message in its stream.
const (
	entryKind  = "kind"
	entryData  = "data"  // a JSON value
	entryAt    = "at"    // when it was published, Unix milliseconds
	entryEpoch = "epoch" // of the session then
	entryKey   = "key"   // digests of the idempotency key and of what was published under it; empty: none was given
)

// errRepeated means that a publish repeats an earlier one, whose messages are still kept.
var errRepeated = errors.New("it was published before")

// Publish adds messages to a session's, all or none, and returns them as they are kept. It returns session.ErrNotFound, a
// *session.StaleEpochError or session.ErrIdempotencyMismatch, each decided on a resolved record, a *session.InvalidError or a
// *session.TooLargeError. A repeat under an idempotency key adds nothing and returns what was published first, while that is kept.
func (s *Store) Publish(ctx context.Context, id session.ID, op session.OpID, pub session.Publication) ([]session.Message, error) {
	if err := pub.Validate(); err != nil {
		return nil, err
	}
	var made []session.Message
	_, err := s.changeIn(ctx, id, op, untold, Record.forgottenBeside, time.Time{}, func(base Record, op session.OpID) (Record, error) {
		if err := check(base, op, session.Condition{Epoch: pub.Epoch}); err != nil {
			return Record{}, err
		}
		before, err := s.publishedBefore(ctx, base, pub)
		if err != nil {
			return Record{}, err
		}
		if made = before; made != nil {
			return Record{}, errRepeated
		}
		next := base.besideBy(op)
		made = publish(&next, base.Beside.Last, pub)
		return next, nil
	})
	if errors.Is(err, errRepeated) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return made, nil
}

// publish adds messages to those of next that end with last, and returns them.
func publish(next *Record, last session.MessageID, pub session.Publication) []session.Message {
	op, key := next.Stamp.Op, keyOf(pub.Idempotency)
	made := make([]session.Message, len(pub.Messages))
	a := newAttachment()
	if a.messages, a.expects = add, last; last.IsZero() {
		a.messages = whole // whatever a former version may have left there
	}
	for i, d := range pub.Messages {
		at := session.MessageID{Position: last.Position + uint64(i) + 1, Number: op.Number()}
		made[i] = session.Message{ID: at, Kind: d.Kind, Data: d.Data, PublishedAt: op.Born(), Epoch: next.Stamp.Epoch}
		a.entries = append(a.entries, at.String(), d.Kind, string(d.Data), op.Born().UnixMilli(), next.Stamp.Epoch, key)
		a.ends = at
	}
	next.Beside.Last, next.attach = a.ends, a
	return made
}

// keyOf is what is kept of an idempotency key and of what was published under it; empty: there is none.
func keyOf(i session.Idempotency) string {
	if i.Key == "" {
		return ""
	}
	return digest(i.Key) + digest(i.Fingerprint)
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// publishedBefore returns what was published under the same idempotency key; nil: nothing that is kept.
func (s *Store) publishedBefore(ctx context.Context, base Record, pub session.Publication) ([]session.Message, error) {
	if pub.Idempotency.Key == "" || base.Beside.Last.IsZero() {
		return nil, nil
	}
	p := s.placeOf(base.ID)
	keys := []string{p.keys.Messages(base.ID, home), p.keys.Published(base.ID)}
	reply, err := s.redis.Run(ctx, findScript, keys, digest(pub.Idempotency.Key))
	if err != nil {
		return nil, err
	}
	if n, strange := reply.(int64); strange {
		return nil, strangeKey(keys, n)
	}
	answer, _ := reply.([]any)
	if len(answer) == 0 || answer[0] != base.Beside.Last.String() {
		return nil, movedOn(answer, base.Beside.Last)
	}
	if len(answer) == 1 {
		return nil, nil
	}
	last, key, err := parseReply(answer[1])
	switch {
	case err != nil:
		return nil, &session.CorruptError{Key: keys[0], Reason: err.Error()}
	case key != keyOf(pub.Idempotency):
		return nil, session.ErrIdempotencyMismatch
	}
	made := make([]session.Message, len(pub.Messages)) // what was published then is what is published now
	for i, d := range pub.Messages {
		at := session.MessageID{Position: last.ID.Position - uint64(len(made)-1-i), Number: last.ID.Number}
		made[i] = session.Message{ID: at, Kind: d.Kind, Data: d.Data, PublishedAt: last.PublishedAt, Epoch: last.Epoch}
	}
	return made, nil
}

// movedOn is the refusal of a look that met other messages than those of the record: later ones, or not even those.
func movedOn(answer []any, last session.MessageID) error {
	if len(answer) > 0 {
		if now, err := session.ParseMessageID(fmt.Sprint(answer[0])); err == nil && now.Position > last.Position {
			return errRefused
		}
	}
	return errTorn
}

// parseReply reads a message as a script tells it.
func parseReply(reply any) (session.Message, string, error) {
	parts, _ := reply.([]any)
	if len(parts) != 2 {
		return session.Message{}, "", errors.New("a message has no fields")
	}
	m := redis.XMessage{Values: map[string]any{}}
	m.ID, _ = parts[0].(string)
	fields, _ := parts[1].([]any)
	for i := 0; i+1 < len(fields); i += 2 {
		m.Values[fmt.Sprint(fields[i])] = fields[i+1]
	}
	return parseMessage(m)
}

// parseMessage reads a message, and what is kept of the idempotency key.
func parseMessage(x redis.XMessage) (m session.Message, key string, err error) {
	text := func(name string) string { s, _ := x.Values[name].(string); return s }
	if m.ID, err = session.ParseMessageID(x.ID); err != nil {
		return m, "", fmt.Errorf("%q is no id of a message", x.ID)
	}
	at, err := strconv.ParseInt(text(entryAt), 10, 64)
	if err != nil {
		return m, "", fmt.Errorf("message %s: field at holds %q, no milliseconds", x.ID, text(entryAt))
	}
	if m.Epoch, err = strconv.ParseUint(text(entryEpoch), 10, 53); err != nil {
		return m, "", fmt.Errorf("message %s: field epoch holds %q, no epoch", x.ID, text(entryEpoch))
	}
	if !json.Valid([]byte(text(entryData))) || text(entryKind) == "" {
		return m, "", fmt.Errorf("message %s: field data must hold JSON, and kind must not be empty", x.ID)
	}
	m.Kind, m.Data, m.PublishedAt = text(entryKind), []byte(text(entryData)), time.UnixMilli(at).UTC()
	return m, text(entryKey), nil
}
