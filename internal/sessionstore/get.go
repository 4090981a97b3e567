package sessionstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// Get returns a session, or session.ErrNotFound. A linearizable read compares the stamps of all its records and makes them equal
// if they are not; an eventual one reads home alone. A session whose time to live has ended is still returned until Expire ends it.
func (s *Store) Get(ctx context.Context, id session.ID, c session.Consistency) (session.Session, error) {
	p := s.placeOf(id)
	read := s.readEqual
	if c == session.Eventual {
		read = s.readHome
	}
	r, err := read(ctx, p)
	if err == nil && !r.exists() {
		err = session.ErrNotFound
	}
	return r.Session, err
}

// readEqual is a resolve that reads the copies' stamps only, in the same flush as home; all is well if they equal home's.
func (s *Store) readEqual(ctx context.Context, p place) (Record, error) {
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
