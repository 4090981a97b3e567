package lease

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/go-redsync/redsync/v4"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// DefaultTTL is how long a lease lasts without renewal; MinTTL is the least.
const (
	DefaultTTL = 30 * time.Second
	MinTTL     = 200 * time.Millisecond
)

// timeoutFactor is the part of the time to live that one call of redsync may take.
const timeoutFactor = 0.2

// Config says how long leases last.
type Config struct {
	TTL time.Duration // 0: DefaultTTL
	Log *slog.Logger  // nil: none
}

// Validate fills defaults; it returns a *session.InvalidError.
func (c *Config) Validate() error {
	if c.TTL == 0 {
		c.TTL = DefaultTTL
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.TTL < MinTTL {
		return session.Invalid("leaseTTL", fmt.Sprintf("is %s, must be at least %s", c.TTL, MinTTL))
	}
	return nil
}

// Manager takes and renews leases. It is safe for concurrent use.
type Manager struct {
	redis *redisx.Client
	keys  *keyspace.Keys
	cfg   Config
	sync  *redsync.Redsync
}

// New returns a manager of the fleet's leases; it returns a *session.InvalidError for a bad configuration.
func New(c *redisx.Client, k *keyspace.Keys, cfg Config) (*Manager, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Manager{c, k, cfg, redsync.New(newPool(c))}, nil
}

// TTL returns how long a lease lasts without renewal.
func (m *Manager) TTL() time.Duration { return m.cfg.TTL }

// trustedUntil is when a holder must stop trusting what was sent for at sent: a tenth before Redis may forget it. The margin
// covers what the two clocks may differ in rate, and the time it takes to stop.
func (m *Manager) trustedUntil(sent time.Time) time.Time { return sent.Add(m.cfg.TTL - m.cfg.TTL/10) }

// mutex returns redsync's mutex for one lease. Both options are needed: Lock asks the function, Unlock of a lease that a script
// wrote compares the value.
func (m *Manager) mutex(id session.ID, value string) *redsync.Mutex {
	return m.sync.NewMutex(m.keys.Lease(id),
		redsync.WithExpiry(m.cfg.TTL),
		redsync.WithTries(1),
		redsync.WithTimeoutFactor(timeoutFactor),
		redsync.WithGenValueFunc(func() (string, error) { return value, nil }),
		redsync.WithValue(value),
	)
}
