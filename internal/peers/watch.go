package peers

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"orchestrator/internal/session"
)

const (
	dialLimit = time.Second     // for one connection to a peer
	callLimit = 2 * time.Second // for one answer
	tellLimit = 2 * time.Second // for one burial, and for the reports of one round
)

// Watch watches this node's neighbours in the ring. Create it with New and run it once.
type Watch struct {
	cfg    Config
	limits limits
	peers  map[key]*following // Run's own
}

// key tells one incarnation at one address.
type key struct {
	session.Holder
	address string
}

// following is a peer and the end of the goroutine that follows it.
type following struct {
	*peer
	stop context.CancelFunc
}

// New returns a watch that does nothing until Run. It returns a *session.InvalidError for a bad configuration.
func New(cfg Config) (*Watch, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Wake == nil {
		cfg.Wake = func() {}
	}
	return &Watch{cfg: cfg, limits: limits{cfg.Interval, dialLimit, callLimit}, peers: map[key]*following{}}, nil
}

// Run watches until ctx ends, and returns nil when every connection is closed.
func (w *Watch) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for ctx.Err() == nil {
		w.follow(ctx, &all)
		w.report(ctx)
		sleepUntil(ctx, time.Now().Add(w.cfg.Interval*9/10+rand.N(w.cfg.Interval/5+1)))
	}
	for _, f := range w.peers {
		f.stop()
	}
	return nil
}

// follow has the peers watched that the view shows as neighbours now, and no others.
func (w *Watch) follow(ctx context.Context, all *sync.WaitGroup) {
	stale := w.peers
	w.peers = map[key]*following{}
	for _, n := range ring(w.cfg.Fleet.Self().Node, w.cfg.Fleet.View()) {
		k := key{n.Holder, addressOf(n)}
		if f, known := stale[k]; known {
			f.see(n)
			w.peers[k] = f
			delete(stale, k)
			continue
		}
		w.peers[k] = w.start(ctx, all, n)
	}
	for _, f := range stale {
		f.stop()
	}
}

// start follows a peer. Its burial lasts as long as Run: it is what makes the view forget the peer, and must not be broken off by that.
func (w *Watch) start(ctx context.Context, all *sync.WaitGroup, n session.Node) *following {
	p := newPeer(n, w.limits)
	mine, stop := context.WithCancel(ctx)
	all.Go(func() {
		p.follow(mine, func(closed time.Time) bool { return w.bury(ctx, n, closed) })
	})
	return &following{p, stop}
}

// bury declares a peer dead whose connection closed then, and reports whether that is settled.
func (w *Watch) bury(ctx context.Context, n session.Node, closed time.Time) bool {
	limited, cancel := context.WithTimeout(ctx, tellLimit)
	defer cancel()
	outcome, err := w.cfg.Fleet.Bury(limited, n.Holder)
	log := w.cfg.Log.With("node", n.Node, "incarnation", n.Incarnation, "address", addressOf(n))
	if err != nil {
		log.Warn("a peer's connection ended and its port refuses, but it could not be declared dead yet", "error", err)
		return false
	}
	if outcome == Buried {
		w.cfg.Wake()
	}
	log.Info("a peer's connection ended and its port refuses", "outcome", string(outcome), "after", time.Since(closed).Round(time.Millisecond))
	return outcome != Braked
}

// report tells the verdicts that are news: each that is bad, for reports end by themselves, and what is good again.
func (w *Watch) report(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, tellLimit)
	defer cancel()
	connected := w.anyServes()
	for _, f := range w.peers {
		switch h, why := f.health(); {
		case h == bad && connected:
			w.tell(limited, f.peer, why)
		case h == good && (f.told || f.seen().Quarantine != ""):
			w.tell(limited, f.peer, "")
		}
	}
}

// anyServes reports whether some peer is in good health: if none is, this node may be the one that is cut off.
func (w *Watch) anyServes() bool {
	for _, f := range w.peers {
		if h, _ := f.health(); h == good {
			return true
		}
	}
	return false
}

func (w *Watch) tell(ctx context.Context, p *peer, why string) {
	n := p.seen()
	if err := w.cfg.Fleet.Report(ctx, n.Holder, why, len(w.peers)); err != nil {
		w.cfg.Log.Debug("a verdict on a peer could not be reported", "node", n.Node, "error", err)
		p.told = true // it may have arrived all the same
		return
	}
	if bad := why != ""; bad != p.told {
		p.told = bad
		w.cfg.Log.Info("verdict on a peer", "node", n.Node, "serves", !bad, "why", why)
	}
}
