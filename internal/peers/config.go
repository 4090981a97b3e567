package peers

import (
	"context"
	"log/slog"
	"time"

	"orchestrator/internal/session"
)

// Outcome says what became of a burial.
type Outcome string

// The outcomes of a burial.
const (
	Buried Outcome = "buried" // the incarnation is dead now, or was already
	Gone   Outcome = "gone"   // it is not registered any more
	Braked Outcome = "braked" // too many are gone at once: its registration decides
)

// Fleet is what the watch asks of the registry.
type Fleet interface {
	// Self is this node.
	Self() session.Node
	// View is the fleet as it was seen last, this node included.
	View() []session.Node
	// Bury declares one incarnation dead. It may be asked again, by several nodes at once.
	Bury(ctx context.Context, h session.Holder) (Outcome, error)
	// Report tells this node's verdict on another: why it does not serve, empty when it does. So many nodes watch it, this one
	// included.
	Report(ctx context.Context, about session.Holder, why string, watchers int) error
}

// Config of a [Watch].
type Config struct {
	Fleet    Fleet
	Wake     func()        // called after a burial; must not block. Nil: nobody is woken
	Interval time.Duration // between two health calls to one peer, and between two looks at the view
	Log      *slog.Logger  // nil: nothing is logged
}

// Validate returns a *session.InvalidError for what cannot be used.
func (c Config) Validate() error {
	switch {
	case c.Fleet == nil:
		return session.Invalid("fleet", "is needed to watch peers")
	case c.Interval <= 0:
		return session.Invalid("interval", "must be positive")
	}
	return nil
}
