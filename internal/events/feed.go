package events

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// Cache is what a node remembers of sessions.
type Cache interface {
	// Watching reports whether it holds something that would be seen to change earlier by events than by its age.
	Watching() bool
	// Changed says that a session has changed since it stood at an earlier epoch or version.
	Changed(id session.ID, epoch, version uint64)
	// Forget says that changes were missed.
	Forget()
}

// Config is what New needs.
type Config struct {
	MaxFollowers int   // streams at a time; 0: DefaultFollowers
	Cache        Cache // nil: none
	Log          *slog.Logger
}

const (
	// DefaultFollowers is how many streams a node serves at a time.
	DefaultFollowers = 256

	quickest = 100 * time.Millisecond // between two looks while there is something to see
	slowest  = time.Second            // between two looks while there is not, and where only the cache wants them
	lookTime = 2 * time.Second        // for one look: a master that does not answer must not hold up the others' events for longer
	perLook  = 100                    // entries of each stream
)

// Feed reads the fleet's events. It is safe for concurrent use.
type Feed struct {
	redis *redisx.Client
	keys  *keyspace.Keys
	cfg   Config
	wake  chan struct{} // of one: somebody wants to be told

	mu        sync.Mutex
	at        positions // where the looks have come to; nil: none are made
	followers map[*Follower]bool
	ended     bool
	warned    map[string]bool
}

// New returns a feed that looks for events once it runs and somebody follows it.
func New(c *redisx.Client, k *keyspace.Keys, cfg Config) *Feed {
	if cfg.MaxFollowers == 0 {
		cfg.MaxFollowers = DefaultFollowers
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Feed{redis: c, keys: k, cfg: cfg, wake: make(chan struct{}, 1), followers: map[*Follower]bool{}, warned: map[string]bool{}}
}

// Run looks for events while somebody wants them, until ctx ends, and returns nil then. Streams end with it.
func (f *Feed) Run(ctx context.Context) error {
	defer f.End("stopping")
	for sleep(ctx, slowest, f.wake) {
		if f.wanted() {
			f.watch(ctx)
		}
	}
	return nil
}

// End ends every stream for a reason, and none begins any more.
func (f *Feed) End(reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	f.endAll(reason)
}

func (f *Feed) wanted() bool { return f.followed() || f.cfg.Cache != nil && f.cfg.Cache.Watching() }

func (f *Feed) followed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.followers) > 0
}

// watch looks for events again and again until nobody wants them, or some are missing. Those who follow are told so and come again.
func (f *Feed) watch(ctx context.Context) {
	at, err := f.latest(ctx)
	if err != nil {
		f.cfg.Log.Debug("cannot look for events", "error", err)
		return
	}
	f.forget() // what it holds may have changed before the first look
	f.begin(at)
	for pause, first := quickest, true; first || !f.idle(); first = false { // the first look comes before the cache, just emptied, holds anything
		found, more, err := f.look(ctx, at)
		switch {
		case errors.Is(err, errGone):
			f.cfg.Log.Warn("events are missing: Redis has lost some, or drops them faster than they are read; streams end")
			f.forget()
			f.stop("cursor-gone")
			return
		case err != nil:
			f.cfg.Log.Debug("some events cannot be looked for", "error", err)
		}
		f.tell(at, found)
		switch {
		case more:
			continue
		case !f.followed():
			pause = slowest
		case len(found) > 0:
			pause = quickest
		default:
			pause = min(2*pause, slowest)
		}
		if !sleep(ctx, pause, f.wake) {
			return
		}
	}
}

// look reads what has happened since and moves at behind it.
func (f *Feed) look(ctx context.Context, at positions) (found []happening, more bool, err error) {
	limited, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	found, more, err = f.read(limited, at, f.concerned(session.EventFilter{}), perLook)
	for _, h := range found {
		at[h.stream] = h.at
	}
	return found, more && err == nil, err
}

// begin lets followers know where the looks begin.
func (f *Feed) begin(at positions) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = at.clone()
	for w := range f.followers {
		if w.listens {
			w.push(&batch{at: f.at})
		}
	}
}

// tell passes events on.
func (f *Feed) tell(at positions, found []happening) {
	if f.cfg.Cache != nil {
		for _, h := range found {
			if !h.void && h.event.Session != "" {
				f.cfg.Cache.Changed(h.event.Session, h.event.Epoch, h.event.Version)
			}
		}
	}
	if len(found) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = at.clone()
	b := &batch{at: f.at, found: found}
	for w := range f.followers {
		if w.listens {
			w.push(b)
		}
	}
}

// idle reports whether nobody wants events any more, and if so, notes that no looks are made from now on.
func (f *Feed) idle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.followers) > 0 || f.cfg.Cache != nil && f.cfg.Cache.Watching() {
		return false
	}
	f.at = nil
	return true
}

// stop notes that no looks are made for now, and ends the streams that followed them.
func (f *Feed) stop(reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = nil
	f.endAll(reason)
}

// endAll is for those who hold the lock.
func (f *Feed) endAll(reason string) {
	for w := range f.followers {
		w.finish(reason)
	}
	clear(f.followers)
}

func (f *Feed) forget() {
	if f.cfg.Cache != nil {
		f.cfg.Cache.Forget()
	}
}

func (f *Feed) stir() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// warnOnce logs a trouble with a key once in the life of the process.
func (f *Feed) warnOnce(key, what string, args ...any) {
	f.mu.Lock()
	told := f.warned[key]
	f.warned[key] = true
	f.mu.Unlock()
	if !told {
		f.cfg.Log.Warn(what, append([]any{"key", key}, args...)...)
	}
}

// sleep waits for a time or to be woken; false: ctx has ended.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-wake:
	}
	return ctx.Err() == nil
}
