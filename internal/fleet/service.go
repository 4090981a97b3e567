package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"orchestrator/internal/groupcommit"
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
	Requests   Requests
	Roster     Roster
	Redis      Redis

	HeartbeatTimeout time.Duration // as the registry's; a node judges others only after it was itself trusted that long
	GossipInterval   time.Duration // how often expired sessions and moved slots are looked for; a quarter of it, how often dead nodes are
	SyncInterval     time.Duration // how often the sync round starts
	RebalanceRate    int           // sessions a second that this node gives away by itself where it has too many; 0: none by itself

	Metrics prometheus.Registerer
	Log     *slog.Logger
}

// Validate says what is missing or impossible, as a *session.InvalidError where a setting is wrong.
func (c Config) Validate() error {
	for name, missing := range map[string]bool{
		"Members": c.Members == nil, "Undertaker": c.Undertaker == nil, "Placer": c.Placer == nil, "Accounts": c.Accounts == nil,
		"Leases": c.Leases == nil, "Store": c.Store == nil,
		"Requests": c.Requests == nil, "Roster": c.Roster == nil, "Redis": c.Redis == nil, "Metrics": c.Metrics == nil, "Log": c.Log == nil,
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
	if c.RebalanceRate < 0 {
		return session.Invalid("rebalanceRate", "must not be negative")
	}
	return nil
}

// Service is one node's use cases and loops. It is safe for concurrent use.
type Service struct {
	Config
	started time.Time
	metrics *metrics
	settler *settler
	creates *groupcommit.Group[*newcomer] // single creates, served together where they come at once
	work    *workLoop

	publishes *publishes

	recoveries   recoveries     // belongs to the recover job
	nextDead     session.Holder // whose sessions come first in its next look; so does this
	quarantine   string         // what was said last; belongs to the topology job
	drawing      turn           // held over what follows
	picture      picture
	tried        time.Time // when a follower last did not get its picture in time; zero: others have got it since
	drains       drains
	answered     answered  // belongs to the job that hands over
	soughtInVain time.Time // when this node last found less to give away than it should; belongs to the rebalance job
	moving       turn      // held over each handing over, so that no session is handed over twice at once
	leaving      leavers
	doubts       doubts
	published    watchers

	shared  shared
	audited int // the partition that the sync round went through last; belongs to the sync job

	overcounted map[session.NodeID]bool // whose count the last round found too high; belongs to the sync job

	held     atomic.Int64 // leases renewed in the last round
	lastSync atomic.Pointer[session.SyncReport]
}

// New returns a service that does nothing in the background until Run.
func New(cfg Config) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Service{Config: cfg, started: time.Now(), metrics: newMetrics(cfg.Metrics), settler: newSettler(cfg.Placer, cfg.Log),
		recoveries: recoveries{}, answered: answered{}, drawing: make(turn, 1), drains: drains{turn: make(turn, 1)}, moving: make(turn, 1), audited: -1, overcounted: map[session.NodeID]bool{}}
	s.creates = groupcommit.New(createWidth, createMost, nil, s.createTogether)
	s.publishes = newPublishes(s)
	s.lastSync.Store(&session.SyncReport{})
	s.work = newWorkLoop(cfg.Log,
		job{name: "topology", every: cfg.GossipInterval, run: s.lookAround},
		job{name: "recover", every: lookEvery(cfg.GossipInterval), run: s.recoverDead},
		job{name: "trust", every: min(cfg.HeartbeatTimeout/10, cfg.GossipInterval), run: s.tellTrust},
		job{name: "assign", every: cfg.GossipInterval / 2, run: s.tellAssigned},
		job{name: "hand over", every: cfg.GossipInterval / 4, run: s.handOverRequested, least: handOverLimit},
		job{name: "drain", every: cfg.GossipInterval / 4, run: s.drainAsked, least: handOverLimit},
		job{name: "rebalance", every: cfg.GossipInterval, run: s.evenOut, least: handOverLimit},
		job{name: "expire", every: cfg.GossipInterval, run: s.expireDue},
		job{name: "renew", every: cfg.Leases.TTL() / 3, run: s.renew},
		job{name: "sync", every: cfg.SyncInterval, run: s.syncRound},
	)
	return s, nil
}

// handOverLimit is how long one handing over may take: the processes beside the node are waited for.
const handOverLimit = time.Minute

// Nudge has the node look for dead nodes at once: somebody has just declared one.
func (s *Service) Nudge() { s.work.nudge("recover") }

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
