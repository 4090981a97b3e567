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

	"orchestrator/internal/redisx"
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

// Publishing is a publication on its way into a session, and what became of it.
type Publishing struct {
	session.Publication
	Made []session.Message // as they are kept
	Err  error
}

// errNothing means that nothing is left to publish: all was published before, or is refused.
var errNothing = errors.New("there is nothing to publish")

// Publish adds the messages of publications to a session's, in their order, each all or none, all in one change. Each is told what became of
// it: session.ErrNotFound, a *session.StaleEpochError or session.ErrIdempotencyMismatch, each decided on a resolved record or on the one that
// the change was made from, a *session.InvalidError or a *session.TooLargeError, of it alone. A repeat under an idempotency key adds nothing
// and is told what was published first, while that is kept. An operation is for these publications alone: they are known by it.
func (s *Store) Publish(ctx context.Context, id session.ID, op session.OpID, all ...*Publishing) {
	var valid []*Publishing
	for _, p := range all {
		if p.Err = p.Validate(); p.Err == nil {
			valid = append(valid, p)
		}
	}
	if len(valid) == 0 {
		return
	}
	_, err := s.changeIn(ctx, id, op, untold, Record.forgottenBeside, time.Time{}, func(base Record, op session.OpID) (Record, error) {
		return s.publishOn(ctx, base, op, valid)
	})
	if err == nil || errors.Is(err, errNothing) {
		return
	}
	for _, p := range valid {
		p.Made, p.Err = nil, err
	}
}

// publishOn adds to a record what may be published on it, and tells the others what they are to be told. It decides alike on the same record, so
// that what has one stamp is one thing however often it is tried.
func (s *Store) publishOn(ctx context.Context, base Record, op session.OpID, all []*Publishing) (Record, error) {
	var may []*Publishing
	for _, p := range all {
		p.Made, p.Err = nil, check(base, op, session.Condition{Epoch: p.Epoch})
		if p.Err == nil {
			may = append(may, p)
		}
	}
	if err := s.publishedBefore(ctx, base, may); err != nil {
		return Record{}, err
	}
	next, now := base.besideBy(op), map[string]*Publishing{} // by key
	for _, p := range may {
		if p.Made != nil || p.Err != nil {
			continue
		}
		key := p.Idempotency.Key
		if twin := now[key]; key != "" && twin != nil {
			p.repeat(keyOf(twin.Idempotency), twin.Made[len(twin.Made)-1])
			continue
		}
		p.Made, now[key] = next.publish(p.Publication), p
	}
	if len(now) == 0 {
		return Record{}, errNothing
	}
	return next, nil
}

// publish adds a publication's messages to those of the record, and returns them.
func (r *Record) publish(pub session.Publication) []session.Message {
	op, key, last := r.Stamp.Op, keyOf(pub.Idempotency), r.Beside.Last
	if r.attach == nil {
		r.attach = newAttachment()
		if r.attach.messages, r.attach.expects = add, last; last.IsZero() {
			r.attach.messages = whole // whatever a former version may have left there
		}
	}
	made := make([]session.Message, len(pub.Messages))
	for i, d := range pub.Messages {
		at := session.MessageID{Position: last.Position + uint64(i) + 1, Number: op.Number()}
		made[i] = session.Message{ID: at, Kind: d.Kind, Data: d.Data, PublishedAt: op.Born(), Epoch: r.Stamp.Epoch}
		r.attach.entries = append(r.attach.entries, at.String(), d.Kind, string(d.Data), op.Born().UnixMilli(), r.Stamp.Epoch, key)
		r.attach.ends, r.Beside.Last = at, at
	}
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

// publishedBefore answers those of which messages are kept that were published under their idempotency keys.
func (s *Store) publishedBefore(ctx context.Context, base Record, all []*Publishing) error {
	if base.Beside.Last.IsZero() {
		return nil
	}
	keys := []string{s.keys.Messages(base.ID, home), s.keys.Published(base.ID)}
	var calls []*redisx.Call
	var keyed []*Publishing
	for _, p := range all {
		if p.Idempotency.Key != "" {
			keyed = append(keyed, p)
			calls = append(calls, &redisx.Call{Script: findScript, Keys: keys, Args: []any{digest(p.Idempotency.Key)}})
		}
	}
	s.redis.RunAll(ctx, calls...)
	for i, p := range keyed {
		if err := p.found(calls[i], base.Beside.Last); err != nil {
			return err
		}
	}
	return nil
}

// found reads what find has to say of a publication. The error is about the session's messages, which must end with last.
func (p *Publishing) found(call *redisx.Call, last session.MessageID) error {
	if call.Err != nil {
		return call.Err
	}
	if n, strange := call.Reply.(int64); strange {
		return strangeKey(call.Keys, n)
	}
	answer, _ := call.Reply.([]any)
	if len(answer) == 0 || answer[0] != last.String() {
		return movedOn(answer, last)
	}
	if len(answer) == 1 {
		return nil
	}
	m, key, err := parseReply(answer[1])
	if err != nil {
		p.Err = &session.CorruptError{Key: call.Keys[0], Reason: err.Error()}
		return nil
	}
	p.repeat(key, m)
	return nil
}

// repeat answers a publication with what was published before with its key, as that is kept with the last of the messages.
func (p *Publishing) repeat(key string, last session.Message) {
	if key != keyOf(p.Idempotency) {
		p.Err = session.ErrIdempotencyMismatch
		return
	}
	p.Made = make([]session.Message, len(p.Messages)) // what was published then is what is published now
	for i, d := range p.Messages {
		at := session.MessageID{Position: last.ID.Position - uint64(len(p.Made)-1-i), Number: last.ID.Number}
		p.Made[i] = session.Message{ID: at, Kind: d.Kind, Data: d.Data, PublishedAt: last.PublishedAt, Epoch: last.Epoch}
	}
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
