package sessionstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// Get returns a session, or session.ErrNotFound. A linearizable read compares the stamps of all its records and makes them equal
// if they are not; an eventual one is answered from the cache or by home alone, and while Redis cannot be reached by what the cache still
// has, marked stale. A session whose time to live has ended is still returned until Expire ends it.
func (s *Store) Get(ctx context.Context, id session.ID, c session.Consistency) (session.Session, error) {
	if c == session.Eventual {
		return s.getEventual(ctx, id)
	}
	r, err := s.readEqual(ctx, s.placeOf(id))
	if err == nil && !r.exists() {
		err = session.ErrNotFound
	}
	return r.Session, err
}

func (s *Store) getEventual(ctx context.Context, id session.ID) (session.Session, error) {
	if kept, ok := s.cache.fresh(id); ok {
		return kept, nil
	}
	began := time.Now()
	r, err := s.readHome(ctx, s.placeOf(id))
	switch {
	case err == nil && r.exists():
		s.cache.saw(r.Session, began)
		return r.Session, nil
	case err == nil:
		s.cache.forget(id)
		return session.Session{}, session.ErrNotFound
	case unreachable(err):
		if kept, ok := s.cache.stale(id); ok {
			return kept, nil
		}
	}
	return session.Session{}, err
}

// readEqual is a resolve that reads the copies' stamps only, in the same flush as home; all is well if they equal home's.
func (s *Store) readEqual(ctx context.Context, p place) (Record, error) {
	if err := s.behind.wait(ctx, p.session); err != nil {
		return Record{}, err
	}
	guess := s.chainFor(p.partition)
	var whole *redis.MapStringStringCmd
	stamps := make([]*redis.SliceCmd, len(guess))
	err := s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		whole = pipe.HGetAll(ctx, p.key(home))
		for i, tag := range guess {
			stamps[i] = pipe.HMGet(ctx, p.key(tag), headFields...)
		}
	})
	if err != nil {
		return Record{}, err
	}
	f, err := readFound(p, home, whole)
	if err != nil {
		return Record{}, err
	}
	if f.absent() || formatTags(f.head.Chain) != formatTags(guess) || !allStamped(stamps, f.head.Stamp) {
		return s.resolve(ctx, p, guess)
	}
	return p.decode(f)
}

func allStamped(cmds []*redis.SliceCmd, want session.Stamp) bool {
	for _, cmd := range cmds {
		h, err := decodeHead(named(cmd.Val()))
		if err != nil || h.Stamp != want {
			return false
		}
	}
	return true
}

// named turns the values of headFields, as HMGET answers them, into fields.
func named(values []any) map[string]string {
	f := map[string]string{}
	for i, v := range values {
		if text, ok := v.(string); ok {
			f[headFields[i]] = text
		}
	}
	return f
}
