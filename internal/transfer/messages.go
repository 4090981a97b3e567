package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"orchestrator/client"
	"orchestrator/internal/session"
)

const (
	pageOfMessages = 100       // as many as one publish takes
	batchBytes     = 256 << 10 // of data in one publish, which takes 2 MiB: what JSON escapes may become six times as long
)

// thread is the conversation of a session as far as the target has it, oldest first.
type thread struct {
	said []said
	met  bool // what an earlier attempt has left at the copy is among them
	read int  // of them were read back
}

// said is one message in both fleets.
type said struct {
	from, to string // its ids
	is       digest
}

// digest tells what a message says.
type digest [sha256.Size]byte

// digestOf is the same for the same kind and data, however the fleets write JSON.
func digestOf(m client.Message) digest {
	data := []byte(m.Data)
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if d.Decode(&v) == nil {
		if canonical, err := json.Marshal(v); err == nil {
			data = canonical
		}
	}
	return sha256.Sum256(slices.Concat([]byte(m.Kind), []byte{0}, data))
}

// last is the source's last message that the target has; empty: none.
func (t *thread) last() string {
	if len(t.said) == 0 {
		return ""
	}
	return t.said[len(t.said)-1].from
}

// at is the id that a message of the source has at the target; empty: it is not kept there. Of a conversation that went on while it was moved the
// target has lost the oldest again.
func (t *thread) at(from string) string {
	for _, s := range slices.Backward(t.said[max(0, len(t.said)-session.MessagesKept):]) {
		if s.from == from {
			return s.to
		}
	}
	return ""
}

// messages publishes at the copy what the source has said since the last look, and reports whether there was anything.
func (p *passage) messages(ctx context.Context) (fresh bool, err error) {
	page, err := messagesAfter(ctx, p.From, p.s.ID, p.thread.last())
	if err != nil || len(page) == 0 {
		return false, at("source", err)
	}
	if !p.thread.met {
		if err := p.meet(ctx); err != nil {
			return false, err
		}
		p.thread.met = true
		if p.thread.last() != "" {
			page, err = messagesAfter(ctx, p.From, p.s.ID, p.thread.last())
		}
	}
	for ; err == nil && len(page) > 0; page, err = messagesAfter(ctx, p.From, p.s.ID, p.thread.last()) {
		fresh = true
		if err := p.open(ctx); err != nil {
			return false, err
		}
		if err := p.publish(ctx, page); err != nil {
			return false, at("target", err)
		}
	}
	if err != nil || !fresh {
		return false, at("source", err)
	}
	return true, p.readBack(ctx)
}

// meet finds how far an earlier attempt has come: the copy says what the source says first, and before that what the source, if it has as many as
// are kept, may have lost since: the copy loses it, too, as more is published. A copy of which that is not true is made anew.
func (p *passage) meet(ctx context.Context) error {
	there, err := allMessages(ctx, p.To, p.c.ID)
	if err != nil || len(there) == 0 {
		return at("target", err)
	}
	here, err := allMessages(ctx, p.From, p.s.ID)
	if err != nil {
		return at("source", err)
	}
	for older := range there {
		if older > 0 && len(here) < session.MessagesKept { // the source has lost none
			break
		}
		if both := pairs(here, there[older:]); both != nil {
			p.thread.said, p.thread.read = both, len(both)
			return nil
		}
	}
	return p.discard(ctx)
}

// pairs returns the messages of both fleets, the target's being those with which the source's begin; nil: they are not.
func pairs(here, there []said) []said {
	if len(there) > len(here) {
		return nil
	}
	both := make([]said, len(there))
	for i, m := range there {
		if m.is != here[i].is {
			return nil
		}
		both[i] = said{from: here[i].from, to: m.from, is: m.is}
	}
	return both
}

// publish says at the copy what a page of the source says. What begins with the same message has the same key: whatever a process that
// crashed has still under way, the copy takes one of them alone.
func (p *passage) publish(ctx context.Context, page []client.Message) error {
	for len(page) > 0 {
		n, bytes := 0, 0
		for n < len(page) && (n == 0 || bytes+len(page[n].Data) <= batchBytes) {
			bytes += len(page[n].Data)
			n++
		}
		drafts := make([]client.MessageDraft, n)
		for i, m := range page[:n] {
			drafts[i] = client.MessageDraft{Kind: m.Kind, Data: m.Data}
		}
		made, err := p.To.Publish(ctx, p.c.ID, client.Publication{IdempotencyKey: key("messages", p.FromName, p.s.ID, page[0].ID)}, drafts...)
		switch {
		case errors.Is(err, client.ErrIdempotencyMismatch): // what was under way has come: the next attempt sees how much it was
			return errChanged
		case errors.Is(err, client.ErrNotFound):
			p.copies.forget(p.it.id)
			return errChanged
		case err == nil && len(made) != n:
			err = fmt.Errorf("%d messages were published, and %d are kept", n, len(made))
		}
		if err != nil {
			return fmt.Errorf("messages: %w", err)
		}
		for i, m := range page[:n] {
			p.thread.said = append(p.thread.said, said{from: m.ID, to: made[i].ID, is: digestOf(m)})
		}
		page = page[n:]
	}
	return nil
}

// readBack reads what was published since it last did, and holds it to what the source says: the same messages in the same order, and none
// between them. A copy of which that is not true is made anew.
func (p *passage) readBack(ctx context.Context) error {
	t := &p.thread
	after, i := "", t.read
	if i > 0 {
		after = t.said[i-1].to
	}
	for {
		page, err := messagesAfter(ctx, p.To, p.c.ID, after)
		if err != nil {
			return at("target", err)
		}
		if len(page) == 0 {
			break
		}
		if after == "" {
			if i, err = p.oldest(ctx, page[0].ID); err != nil {
				return err
			}
		}
		for _, m := range page {
			if i < 0 || i >= len(t.said) || m.ID != t.said[i].to || digestOf(m) != t.said[i].is {
				return p.discard(ctx)
			}
			i++
		}
		after = page[len(page)-1].ID
	}
	if i != len(t.said) {
		return p.discard(ctx)
	}
	t.read = i
	return nil
}

// oldest returns which message is the target's oldest; -1: none that was published. It may keep fewer than were only if the source does, too.
func (p *passage) oldest(ctx context.Context, id string) (int, error) {
	i := slices.IndexFunc(p.thread.said, func(s said) bool { return s.to == id })
	if i <= 0 {
		return i, nil
	}
	page, err := messagesAfter(ctx, p.From, p.s.ID, "")
	if err != nil {
		return 0, at("source", err)
	}
	if len(page) > 0 && slices.IndexFunc(p.thread.said[:i], func(s said) bool { return s.from == page[0].ID }) >= 0 {
		return 0, fmt.Errorf("target: it keeps only the last %d of %d messages", len(p.thread.said)-i, len(p.thread.said))
	}
	return i, nil
}

// messagesAfter returns a page of a session's messages, empty after the last, or where the fleet keeps none.
func messagesAfter(ctx context.Context, c *client.Client, id, after string) ([]client.Message, error) {
	page, err := c.Messages(ctx, id, client.MessageSelection{After: after, Limit: pageOfMessages})
	switch {
	case errors.Is(err, client.ErrNoRoute):
		return nil, nil
	case errors.Is(err, client.ErrCursorGone): // many have come since
		return nil, errChanged
	case err != nil:
		return nil, fmt.Errorf("messages: %w", err)
	}
	return page.Messages, nil
}

// allMessages returns what a session has said; from is the id where it was read.
func allMessages(ctx context.Context, c *client.Client, id string) (all []said, err error) {
	for after := ""; ; after = all[len(all)-1].from {
		page, err := messagesAfter(ctx, c, id, after)
		if err != nil || len(page) == 0 {
			return all, err
		}
		for _, m := range page {
			all = append(all, said{from: m.ID, is: digestOf(m)})
		}
	}
}

// at says in which fleet an error was met.
func at(fleet string, err error) error {
	if err == nil || errors.Is(err, errChanged) {
		return err
	}
	return fmt.Errorf("%s: %w", fleet, err)
}
