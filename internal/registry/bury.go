package registry

import (
	"context"
	_ "embed"
	"fmt"

	"orchestrator/internal/guards"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed bury.lua
var buryOnly string

var (
	burySource = telling(buryOnly)
	buryScript = redisx.NewScript("bury", burySource)
)

// Burial is what became of the word that a holder has died.
type Burial string

// The outcomes of Bury.
const (
	Buried Burial = "buried" // the holder is dead: declared now, or before
	Braked Burial = "braked" // too many are gone within one window: it is left to its registration's end, and to Dead
	Gone   Burial = "gone"   // it is not the registered incarnation of its name: it left, was recovered, or was replaced long ago
)

// Bury declares one holder dead without waiting for the end of its registration. It is for a caller that knows that the holder's
// process has ended: its port closed, and a new connection was refused. A time-out is no such knowledge. The holder's own beat
// cannot undo it. It returns session.ErrFenced, and declares nobody, where this node does not trust itself or where the call reached
// Redis too late (see Dead), and a *session.UnavailableError where Redis does not answer. Calling it again is safe.
func (r *Registry) Bury(ctx context.Context, h session.Holder) (Burial, error) {
	trust := r.trusts()
	if !trust.holds(r.trustLimit()) {
		return "", fmt.Errorf("declare %s dead: %w", h.Node, session.ErrFenced)
	}
	k := r.keys
	keys := []string{k.Nodes(), k.Node(h.Node), k.Incarnations(), k.Dead(), k.Deaths(), k.Brake(), k.FleetEvents()}
	reply, err := r.redis.Run(ctx, buryScript, keys, string(h.Node), h.Incarnation, r.judgesUntil(trust).UnixMilli(), r.brakeWindow(),
		string(r.cfg.Self.Node))
	if err != nil {
		return "", err
	}
	switch reply {
	case string(Buried):
		r.Wake()
		return Buried, nil
	case string(Braked):
		return Braked, nil
	case string(Gone):
		return Gone, nil
	case "late":
		return "", fmt.Errorf("declare %s dead: too late after the last beat: %w", h.Node, session.ErrFenced)
	}
	return "", unexpected(buryScript, reply)
}

// brakeWindow is the time within which deaths count together, in milliseconds; 0 turns the brake off.
func (r *Registry) brakeWindow() int64 {
	if !guards.Brake {
		return 0
	}
	return r.cfg.HeartbeatTimeout.Milliseconds()
}
