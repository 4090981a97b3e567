package sessionstore

import (
	"errors"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// caching opens two stores of one fleet: the first with a cache, the second, another node's, without.
func caching(t *testing.T, r redistest.Redis, ttl time.Duration) (cached, other bundle) {
	t.Helper()
	other = setup(t, r, 8)
	return open(t, other.client, other.keys, Config{CacheBytes: 1 << 20, CacheTTL: ttl}), other
}

func rename(name string) session.Patch { return session.Patch{Name: &name} }

// While an answer is young enough it is given again, with its age; what this node changes itself is read anew at once, and so is
// everything for a linearizable read. No write goes by what the cache holds.
func TestEventualReadsAreAnsweredFromTheCache(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx := t.Context()
		cached, other := caching(t, r, time.Hour)
		made := other.create(t, "first", holderA)
		read := func(c session.Consistency) session.Session {
			t.Helper()
			got, err := cached.Get(ctx, made.ID, c)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		if got := read(session.Eventual); got.Age != 0 || got.Name != "first" {
			t.Fatalf("the first read: %+v", got)
		}
		if _, err := other.Update(ctx, made.ID, other.NewOp(), rename("second"), session.Condition{}); err != nil {
			t.Fatal(err)
		}
		if got := read(session.Eventual); got.Age == 0 || got.Stale || got.Name != "first" || got.Stamp != made.Stamp {
			t.Fatalf("the second read: %+v", got)
		}
		if got := read(session.Linearizable); got.Age != 0 || got.Name != "second" {
			t.Fatalf("a linearizable read: %+v", got)
		}
		_, err := cached.Update(ctx, made.ID, cached.NewOp(), rename("never"), session.Condition{IfMatch: []string{made.Stamp.String()}})
		var mismatch *session.VersionMismatchError
		if !errors.As(err, &mismatch) {
			t.Fatalf("a write on what the cache held: %v", err)
		}
		if _, err := cached.Update(ctx, made.ID, cached.NewOp(), rename("third"), session.Condition{}); err != nil {
			t.Fatal(err)
		}
		if got := read(session.Eventual); got.Name != "third" {
			t.Fatalf("after a write of its own: %+v", got)
		}
		if n, hits, misses := cached.Cached(); n != 1 || hits != 1 || misses != 2 {
			t.Errorf("%d cached, %d hits, %d misses; want 1, 1, 2", n, hits, misses)
		}
		if _, err := cached.Delete(ctx, made.ID, cached.NewOp(), session.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := cached.Get(ctx, made.ID, session.Eventual); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("a deleted session: %v", err)
		}
	})
}

// What is older than the ttl is read anew, and shown, marked stale, only while Redis cannot be asked.
func TestStaleAnswersWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	cached, _ := caching(t, server, time.Nanosecond)
	made := cached.create(t, "kept", holderA)
	for range 2 {
		if got, err := cached.Get(t.Context(), made.ID, session.Eventual); err != nil || got.Age != 0 {
			t.Fatalf("%+v %v", got, err)
		}
	}
	server.Node().Pause(t)
	if got, err := cached.Get(t.Context(), made.ID, session.Eventual); err != nil || !got.Stale || got.Age == 0 || got.Name != "kept" {
		t.Errorf("while Redis is away: %+v %v", got, err)
	}
	if _, err := cached.Get(t.Context(), cached.NewID(), session.Eventual); !unreachable(err) {
		t.Errorf("a session that was never read: %v", err)
	}
	if _, err := cached.Get(t.Context(), made.ID, session.Linearizable); !unreachable(err) {
		t.Errorf("a linearizable read: %v", err)
	}
	server.Node().Resume(t)
}

// The cache holds about as many bytes as it was given, however large its sessions are, and a session that was read earlier never covers one
// that was read later.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	const bytes = 1 << 20
	c := newCache(bytes, time.Hour)
	now, ids := time.Now(), []session.ID(nil)
	for i := range 200 {
		id := session.NewID(now)
		ids = append(ids, id)
		c.saw(session.Session{ID: id, Config: map[string]any{"k": strings.Repeat("x", 1000*(1+i%40))}}, now)
	}
	held := 0
	for _, id := range ids {
		if s, ok := c.fresh(id); ok {
			held += footprint(s)
		}
	}
	if held == 0 || held > bytes {
		t.Errorf("it holds %d bytes, may hold %d", held, bytes)
	}
	id := session.NewID(now)
	c.saw(session.Session{ID: id, Name: "later"}, now)
	c.saw(session.Session{ID: id, Name: "earlier"}, now.Add(-time.Second))
	if s, ok := c.fresh(id); !ok || s.Name != "later" {
		t.Errorf("%+v %v", s, ok)
	}
	var none *cache
	none.saw(session.Session{ID: id}, now)
	none.forget(id)
	if _, ok := none.fresh(id); ok || newCache(0, time.Hour) != nil || newCache(bytes, 0) != nil {
		t.Error("a cache of nothing holds something")
	}
}
