package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"orchestrator/internal/session"
)

// Config is what New needs. All ports and Metrics are required.
type Config struct {
	Members    Members
	Undertaker Undertaker
	Placer     Placer
	Accounts   Accounts
	Leases     Leases
	Store      Store
	Redis      Redis

	HeartbeatTimeout time.Duration // as the registry's; a node judges others only after it was itself trusted that long
	GossipInterval   time.Duration // how often expired sessions and moved slots are looked for; a quarter of it, how often dead nodes are
	SyncInterval     time.Duration // how often the sync round starts

	Metrics prometheus.Registerer
	Log     *slog.Logger
}

// Validate says what is missing or impossible, as a *session.InvalidError where a setting is wrong.
func (c Config) Validate() error {
	for name, missing := range map[string]bool{
		"Members": c.Members == nil, "Undertaker": c.Undertaker == nil, "Placer": c.Placer == nil, "Accounts": c.Accounts == nil,
		"Leases": c.Leases == nil, "Store": c.Store == nil, "Redis": c.Redis == nil, "Metrics": c.Metrics == nil, "Log": c.Log == nil,
	} {
		if missing {
			return fmt.Errorf("fleet: %s is required", name)
		}
	}
	for name, d := range map[string]time.Duration{
		"heartbeatTimeout": c.HeartbeatTimeout, "gossipInterval": c.GossipInterval, "syncInterval": c.SyncInterval,
	} {
		if d <= 0 {
			return session.Invalid(name, "must be positive")
		}
	}
	return nil
}

// Service is one node's use cases and loops. It is safe for concurrent use.
type Service struct {
	Config
	started time.Time
	metrics *metrics
	settler *settler
	work    *workLoop

	recoveries recoveries // belongs to the recover job

	held     atomic.Int64 // leases renewed in the last round
	lastSync atomic.Pointer[session.SyncReport]
}

// New returns a service that does nothing in the background until Run.
func New(cfg Config) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Service{Config: cfg, started: time.Now(), metrics: newMetrics(cfg.Metrics), settler: newSettler(cfg.Placer, cfg.Log), recoveries: recoveries{}}
	s.lastSync.Store(&session.SyncReport{})
	s.work = newWorkLoop(cfg.Log,
		job{name: "topology", every: cfg.GossipInterval, run: cfg.Redis.Refresh},
		job{name: "recover", every: cfg.GossipInterval / 4, run: s.recoverDead},
		job{name: "expire", every: cfg.GossipInterval, run: s.expireDue},
		job{name: "renew", every: cfg.Leases.TTL() / 3, run: s.renew},
		job{name: "sync", every: cfg.SyncInterval, run: s.syncRound},
	)
	return s, nil
}

// Run carries out the node's loops until ctx ends, and returns nil then. What was reserved and is decided is settled before it returns.
func (s *Service) Run(ctx context.Context) error {
	var g errgroup.Group
	settling, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error { return s.settler.run(settling) })
	g.Go(func() error { defer stop(); return s.work.run(ctx) })
	return g.Wait()
}

// Pulse asks the work loop for a sign of life. It fails when the loop does not answer, or when one of its jobs is stuck.
func (s *Service) Pulse(ctx context.Context) error { return s.work.pulse(ctx) }
