package sessionstore

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

const (
	messageStep  = 250     // messages read at once at the most
	messageBytes = 4 << 20 // of data, about which a page ends short
)

// Messages returns the next messages of a session that the query selects. It returns session.ErrNotFound, a *session.CursorGoneError or a
// *session.InvalidError. A page may be short, even empty, and still not be the last. An eventual read looks at home alone, which may lag after
// the loss of a Redis master; it looks at all records before it says that a cursor is gone.
func (s *Store) Messages(ctx context.Context, id session.ID, q session.MessageQuery, c session.Consistency) (session.MessagePage, error) {
	if err := q.Validate(); err != nil {
		return session.MessagePage{}, err
	}
	page, err := s.messages(ctx, id, q, c)
	var gone *session.CursorGoneError
	if c == session.Eventual && errors.As(err, &gone) { // home may not have it yet, or have lost it with its master
		return s.messages(ctx, id, q, session.Linearizable)
	}
	return page, err
}

func (s *Store) messages(ctx context.Context, id session.ID, q session.MessageQuery, c session.Consistency) (session.MessagePage, error) {
	p := s.placeOf(id)
	r, err := s.besideAt(ctx, p, c)
	for tries := 0; ; tries++ {
		if err == nil && (!r.exists() || r.Expired(s.redis.Now())) {
			err = session.ErrNotFound
		}
		if err != nil {
			return session.MessagePage{}, err
		}
		page, err := s.messagePage(ctx, p, q, r.Beside.Last)
		if !errors.Is(err, errTorn) {
			return page, err
		}
		if tries == 2 {
			return session.MessagePage{}, p.torn(r)
		}
		if r, err = s.resolve(ctx, p, r.Chain); err != nil {
			return session.MessagePage{}, err
		}
	}
}

// besideAt reads the record that says what lies beside it.
func (s *Store) besideAt(ctx context.Context, p place, c session.Consistency) (Record, error) {
	if c == session.Eventual {
		if err := s.behind.wait(ctx, p.session); err != nil { // who is woken by a publish finds it
			return Record{}, err
		}
		return s.readHome(ctx, p)
	}
	return s.readEqual(ctx, p)
}

// messagePage reads from home's stream. The messages up to the one that the record named must be there, which proves that home holds at least
// that state; what follows has been committed since.
func (s *Store) messagePage(ctx context.Context, p place, q session.MessageQuery, upTo session.MessageID) (session.MessagePage, error) {
	key, page, bytes := p.beside(home)[0], session.MessagePage{Next: q.After}, 0
	step := min(q.Limit, messageStep)
	if len(q.Kinds) > 0 { // many may be read for each that is shown
		step = messageStep
	}
	for first := true; ; first = false {
		at := session.MessageQuery{After: page.Next, Oldest: first && q.Oldest, Latest: q.Latest, Limit: step}
		part, more, err := s.messagesFrom(ctx, key, at, upTo)
		var gone *session.CursorGoneError
		if errors.As(err, &gone) && !first {
			return page, nil // trimmed meanwhile: whoever goes on is told
		}
		if err != nil {
			return session.MessagePage{}, err
		}
		if q.Latest {
			return part, nil
		}
		for _, m := range part.Messages {
			if len(q.Kinds) == 0 || slices.Contains(q.Kinds, m.Kind) {
				page.Messages = append(page.Messages, m)
				bytes += len(m.Data)
			}
			page.Next = m.ID
			if len(page.Messages) == q.Limit || bytes >= messageBytes {
				return page, nil
			}
		}
		if !more {
			return page, nil
		}
	}
}

// messagesFrom reads one step of a page, as many as the query's limit, all kinds, and reports whether more follow.
func (s *Store) messagesFrom(ctx context.Context, key string, q session.MessageQuery, upTo session.MessageID) (page session.MessagePage, more bool, err error) {
	at := session.MessageID{Position: q.After.Position} // no number is less: what lies there is read, be it the one that is gone on after or another
	from, n := at.String(), int64(q.Limit+1)
	if q.Oldest {
		from = "-"
	}
	var oldest, next, newest *redis.XMessageSliceCmd
	err = s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		oldest, newest = pipe.XRangeN(ctx, key, "-", "+", 1), pipe.XRevRangeN(ctx, key, "+", "-", 1)
		if !q.Latest {
			next = pipe.XRangeN(ctx, key, from, "+", n)
		}
	})
	if err != nil {
		return page, false, err
	}
	var firsts, lasts, all []session.Message
	for to, cmd := range map[*[]session.Message]*redis.XMessageSliceCmd{&firsts: oldest, &lasts: newest, &all: next} {
		if cmd == nil {
			continue
		}
		if *to, err = parseMessages(key, cmd); err != nil {
			return page, false, err
		}
	}
	gone := &session.CursorGoneError{After: q.After}
	if len(firsts) == 0 || len(lasts) == 0 {
		switch {
		case !upTo.IsZero():
			return page, false, errTorn
		case !q.After.IsZero() && !q.Oldest && !q.Latest:
			return page, false, gone
		}
		return page, false, nil
	}
	first, last := firsts[0].ID, lasts[0].ID
	if last.Position < upTo.Position {
		return page, false, errTorn
	}
	if q.Latest {
		return session.MessagePage{Next: last}, false, nil
	}
	gone.Oldest.Position = first.Position - 1
	if page.Next = q.After; q.Oldest {
		page.Next.Position = first.Position - 1
	} else if page.Next.Position > last.Position || page.Next.Position+1 < first.Position {
		return page, false, gone
	}
	more = int64(len(all)) == n
	if !q.Oldest && len(all) > 0 && all[0].ID.Position == q.After.Position {
		if all[0].ID != q.After {
			return page, false, gone
		}
		all = all[1:]
	}
	for _, m := range all {
		if m.ID.Position != page.Next.Position+1 {
			if len(page.Messages) == 0 && !q.Oldest {
				return page, false, gone
			}
			if len(page.Messages) > 0 {
				return page, true, nil
			}
		}
		page.Messages, page.Next = append(page.Messages, m), m.ID
	}
	if !more && page.Next.Position < upTo.Position {
		return page, false, errTorn
	}
	return page, more, nil
}

func parseMessages(key string, cmd *redis.XMessageSliceCmd) ([]session.Message, error) {
	if err := cmd.Err(); err != nil && err != redis.Nil {
		return nil, &session.CorruptError{Key: key, Reason: "it holds something of another type"}
	}
	messages := make([]session.Message, len(cmd.Val()))
	for i, x := range cmd.Val() {
		m, _, err := parseMessage(x)
		if err != nil {
			return nil, &session.CorruptError{Key: key, Reason: err.Error()}
		}
		messages[i] = m
	}
	return messages, nil
}
