package sessionstore

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"orchestrator/internal/session"
)

// staleFor is how old a cached session may be that is shown while Redis cannot be asked.
const staleFor = 15 * time.Minute

// cache keeps sessions for eventual reads, the least used leave first. What it holds was read from home at most its ttl ago, or it is
// marked stale; no write is ever decided on it. A nil cache holds nothing.
type cache struct {
	ttl          time.Duration
	entries      *otter.Cache[session.ID, entry]
	hits, misses atomic.Uint64
	changed      [buckets]atomic.Int64 // when a session of each bucket was last told to have changed, as clock tells it
}

// buckets is over how many places the times of changes are spread; sessions that share one have reads of theirs not kept now and then.
const buckets = 4096

// started is the zero of the clock that changes and reads are compared by.
var started = time.Now()

// bucket is where the time of a session's changes stands.
func (c *cache) bucket(id session.ID) *atomic.Int64 {
	return &c.changed[maphash.String(seed, string(id))%buckets]
}

var seed = maphash.MakeSeed()

// mark notes that a session has changed: what was read before may be of before.
func (c *cache) mark(id session.ID) { c.bucket(id).Store(int64(time.Since(started))) }

// entry is a session as home had it at a moment on this process's monotonic clock.
type entry struct {
	session session.Session
	read    time.Time
}

// newCache returns a cache of about so many bytes; 0: none.
func newCache(bytes int, ttl time.Duration) *cache {
	if bytes == 0 || ttl == 0 {
		return nil
	}
	return &cache{ttl: ttl, entries: otter.Must(&otter.Options[session.ID, entry]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(_ session.ID, e entry) uint32 { return uint32(footprint(e.session)) },
		Executor:      func(fn func()) { fn() }, // its upkeep is short, and goroutines of its own would outlive the store
	})}
}

// fresh returns a session that was read within the ttl.
func (c *cache) fresh(id session.ID) (session.Session, bool) {
	if c == nil {
		return session.Session{}, false
	}
	e, ok := c.entries.GetIfPresent(id)
	age := time.Since(e.read)
	if !ok || age > c.ttl {
		c.misses.Add(1)
		return session.Session{}, false
	}
	c.hits.Add(1)
	e.session.Age = age
	return e.session, true
}

// stale returns a session that was read too long ago to be shown while Redis answers, marked so.
func (c *cache) stale(id session.ID) (session.Session, bool) {
	if c == nil {
		return session.Session{}, false
	}
	e, ok := c.entries.GetIfPresent(id)
	if !ok || time.Since(e.read) > staleFor {
		return session.Session{}, false
	}
	e.session.Age, e.session.Stale = time.Since(e.read), true
	return e.session, true
}

// saw keeps a session as home had it no earlier than at read, unless what is kept is newer, or it may have changed since.
func (c *cache) saw(s session.Session, read time.Time) {
	if c == nil || int64(read.Sub(started)) < c.bucket(s.ID).Load() {
		return
	}
	c.entries.Compute(s.ID, func(kept entry, found bool) (entry, otter.ComputeOp) {
		if found && kept.read.After(read) {
			return kept, otter.CancelOp
		}
		return entry{s, read}, otter.WriteOp
	})
}

// forget drops a session: it has changed.
func (c *cache) forget(id session.ID) {
	if c != nil {
		c.mark(id)
		c.entries.Invalidate(id)
	}
}

// Cached returns how many sessions the cache holds, and how many eventual reads it has answered and not answered.
func (s *Store) Cached() (sessions int, hits, misses uint64) {
	if s.cache == nil {
		return 0, 0, 0
	}
	return s.cache.entries.EstimatedSize(), s.cache.hits.Load(), s.cache.misses.Load()
}

// footprint is about how many bytes of memory a session takes.
func footprint(s session.Session) int {
	n := 700 + len(s.Name) + len(s.Workspace) + sizeOf(s.Config)
	for k, v := range s.Labels {
		n += 64 + len(k) + len(v)
	}
	return n
}

func sizeOf(v any) int {
	n := 16
	switch v := v.(type) {
	case string:
		n += len(v)
	case []any:
		for _, element := range v {
			n += sizeOf(element)
		}
	case map[string]any:
		for k, member := range v {
			n += 48 + len(k) + sizeOf(member)
		}
	}
	return n
}
