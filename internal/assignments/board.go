package assignments

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"orchestrator/internal/session"
)

// What Config says where it is left zero.
const (
	DefaultRevokeTimeout = 5 * time.Second
	DefaultMaxFollowers  = 16
)

// Config is what New needs.
type Config struct {
	RevokeTimeout time.Duration // how long followers may take to acknowledge; 0 is DefaultRevokeTimeout
	MaxFollowers  int           // streams at a time; 0 is DefaultMaxFollowers
	Log           *slog.Logger  // required
}

// Validate says what is missing or impossible.
func (cfg Config) Validate() error {
	switch {
	case cfg.Log == nil:
		return errors.New("assignments: Log is required")
	case cfg.RevokeTimeout < 0:
		return session.Invalid("revokeTimeout", "must not be negative")
	case cfg.MaxFollowers < 0:
		return session.Invalid("maxFollowers", "must not be negative")
	}
	return nil
}

// Board is what a node tells its followers. It is safe for concurrent use.
type Board struct {
	cfg  Config
	poke chan struct{} // something may be due sooner than Run believes

	mu        sync.Mutex
	holder    session.Holder // who the node is trusted to be
	until     time.Time      // how long; zero: fenced
	drawn     bool           // a picture has come in under this trust
	ended     bool
	clock     Tick // of the last Begin
	barrier   Tick // pictures begun at or before it are not taken
	entries   map[session.ID]*entry
	followers map[string]*Follower // by watcher id: those told of things, and those cut off that may hold some yet
}

// New returns a board that is fenced until Trust.
func New(cfg Config) (*Board, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.RevokeTimeout == 0 {
		cfg.RevokeTimeout = DefaultRevokeTimeout
	}
	if cfg.MaxFollowers == 0 {
		cfg.MaxFollowers = DefaultMaxFollowers
	}
	return &Board{cfg: cfg, poke: make(chan struct{}, 1), entries: map[session.ID]*entry{}, followers: map[string]*Follower{}}, nil
}

// Run does what time brings: it fences a node whose trust has passed and cuts off followers that do not acknowledge. It returns nil
// when ctx ends.
func (b *Board) Run(ctx context.Context) error {
	for {
		timer := timerAt(b.pass())
		select {
		case <-timer.C:
		case <-b.poke:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// timerAt returns a timer for a moment; one that never fires for the zero time.
func timerAt(at time.Time) *time.Timer {
	if at.IsZero() {
		timer := time.NewTimer(time.Hour)
		timer.Stop()
		return timer
	}
	return time.NewTimer(time.Until(at))
}

// Followed reports whether anybody may hold something of this node: a stream is open, or one that was cut off is not over yet.
func (b *Board) Followed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.followers) > 0
}

// Count returns how many streams are open.
func (b *Board) Count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open()
}

func (b *Board) open() (n int) {
	for _, f := range b.followers {
		if f.reason == "" {
			n++
		}
	}
	return n
}

// End ends every stream with the reason, for good: Follow answers session.ErrDraining from now on. A node that stops calls it. Revoke and
// Released go on to say when those who held something have stopped.
func (b *Board) End(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	b.cutAll(reason)
}

// releasedLook is how often Released looks whether an acknowledgement, or a closed connection, has come sooner than time does.
const releasedLook = 20 * time.Millisecond

// Released returns nil once nobody may hold anything of this node, and ctx's error where that ends before. It needs no Run.
func (b *Board) Released(ctx context.Context) error {
	tick := time.NewTicker(releasedLook)
	defer tick.Stop()
	for b.pass(); b.Followed(); b.pass() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (b *Board) cutAll(reason string) {
	for _, f := range b.followers {
		b.cut(f, reason)
	}
}

// cut ends a stream from this side. What its follower holds it may hold until the last until that it was told.
func (b *Board) cut(f *Follower, reason string) {
	if f.reason != "" {
		return
	}
	f.reason = reason
	f.queue, f.queued, f.unacked = nil, nil, nil
	if len(f.grants) == 0 {
		delete(b.followers, f.watcher)
	}
	f.stir()
	b.stir()
}

// drop forgets a follower that holds nothing any more.
func (b *Board) drop(f *Follower) {
	delete(b.followers, f.watcher)
	for id := range f.grants {
		b.release(f, id)
	}
}

// stir makes Run look again.
func (b *Board) stir() {
	select {
	case b.poke <- struct{}{}:
	default:
	}
}
