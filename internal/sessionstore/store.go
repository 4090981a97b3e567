package sessionstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"time"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// Config says how sessions are kept.
type Config struct {
	ReplicationFactor int            // records of each session in all, home included; 1 to 3, default 2
	LeaseTTL          time.Duration  // of the lease that a new owner is given; default 30 s
	Retention         time.Duration  // how long tombstones stay; default 48 h: an idempotency key's 24 h and as much for what a rollback may bring back
	Settling          time.Duration  // how long a change may take from its first write to its last, on a busy machine; at most half the time between sync rounds; default 500 ms
	CacheBytes        int            // memory for sessions that eventual reads are answered from; 0: none
	CacheTTL          time.Duration  // how old such an answer may be; 0: there is no cache
	Node              session.NodeID // this node, as events name it; may be empty
	Secret            []byte         // what page tokens are sealed with: the same for all nodes, for a token is good at any; empty: made up, and good here alone
	Log               *slog.Logger

	// CompressionThreshold is how many bytes a record's body must have to be compressed; 0: none is; at most session.MaxBlob. Records are
	// read whatever it is, and whatever it was where they were written.
	CompressionThreshold int
}

// defaultSettling is many times what a change takes.
const defaultSettling = 500 * time.Millisecond

// Store reads and changes sessions. It is safe for concurrent use.
type Store struct {
	redis     *redisx.Client
	keys      *keyspace.Keys
	factor    int
	leaseTTL  time.Duration
	retention time.Duration
	takes     time.Duration // what a change takes from its first write to its last, with much to spare
	log       *slog.Logger
	witness   *witness
	cache     *cache // nil: none
	codec     *codec
	secret    []byte
	actor     string // this node, as scripts are told it
	behind    *behind

	// leave has what is left of a fast change done beside the caller; false: it is the caller's to do.
	leave func(ctx context.Context, rest *step, finish func(context.Context)) bool
}

// New returns a store of the fleet's sessions. It fails with a *session.InvalidError.
func New(c *redisx.Client, k *keyspace.Keys, cfg Config) (*Store, error) {
	s := &Store{
		redis: c, keys: k, factor: cfg.ReplicationFactor, leaseTTL: cfg.LeaseTTL, retention: cfg.Retention, takes: cfg.Settling, log: cfg.Log,
		witness: &witness{}, cache: newCache(cfg.CacheBytes, cfg.CacheTTL), codec: &codec{threshold: cfg.CompressionThreshold},
		secret: cfg.Secret, actor: orDash(cfg.Node), behind: newBehind(),
	}
	s.leave = s.behind.start
	if s.factor == 0 {
		s.factor = 2
	}
	if s.leaseTTL == 0 {
		s.leaseTTL = 30 * time.Second
	}
	if s.takes == 0 {
		s.takes = defaultSettling
	}
	if s.retention == 0 {
		s.retention = 2 * session.IdempotencyKept
	}
	if len(s.secret) == 0 {
		s.secret = make([]byte, sha256.Size)
		_, _ = rand.Read(s.secret) // never fails
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	switch {
	case s.factor < 1 || s.factor > 3:
		return nil, session.Invalid("replicationFactor", "must be 1, 2 or 3")
	case s.leaseTTL < time.Second:
		return nil, session.Invalid("leaseTTL", "must be at least 1s")
	case cfg.CacheBytes < 0 || cfg.CacheTTL < 0:
		return nil, session.Invalid("cache", "must have neither a negative size nor a negative ttl")
	case s.takes < 0:
		return nil, session.Invalid("settling", "must not be negative")
	case s.codec.threshold < 0 || s.codec.threshold > session.MaxBlob:
		return nil, session.Invalid("compressionThreshold", fmt.Sprintf("must be 0 to %d bytes", session.MaxBlob))
	case s.retention < session.IdempotencyKept:
		return nil, session.Invalid("retention", "must be at least 24h: an idempotency key answers that long")
	}
	return s, nil
}

// orDash is how scripts are told who acts: a word, though it is not known.
func orDash(node session.NodeID) string {
	if node == "" {
		return "-"
	}
	return string(node)
}

// Factor returns how many records a session made now has, home included: the configured factor, or less where there are too few masters.
func (s *Store) Factor() int {
	return min(s.factor, len(s.redis.Topology().Masters))
}

// NewID returns a fresh session id.
func (s *Store) NewID() session.ID { return session.NewID(s.redis.Now()) }

// NewOp returns a fresh operation id.
func (s *Store) NewOp() session.OpID { return session.NewOpID(s.redis.Now()) }
