package registry

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"strconv"
	"time"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed register.lua
var registerOnly string

var (
	registerSource = telling(registerOnly)
	registerScript = redisx.NewScript("register", registerSource)
)

// enlist registers the current incarnation. While another incarnation of the same name is registered (the node was restarted
// quickly) it waits for that one to end, a little longer than this node's own timeout, and then gives up with a *takenError.
func (r *Registry) enlist(ctx context.Context) error {
	deadline := time.Now().Add(r.cfg.HeartbeatTimeout + time.Second)
	for told := false; ; told = true {
		taken, err := r.enlistOnce(ctx)
		if err != nil || taken == nil {
			return err
		}
		if !time.Now().Before(deadline) {
			return taken
		}
		if !told {
			r.cfg.Log.Info("waiting for the former registration to end", "node", r.cfg.Self.Node, "at", taken.at, "for", taken.left)
		}
		pause := min(taken.left, time.Until(deadline), r.cfg.HeartbeatTimeout/5)
		if !sleep(ctx, max(pause, time.Millisecond), nil) {
			return ctx.Err()
		}
	}
}

func (r *Registry) enlistOnce(ctx context.Context) (*takenError, error) {
	r.register.Lock()
	defer r.register.Unlock()
	for !r.left {
		self := r.Self()
		sent := time.Now()
		reply, err := r.runStrings(ctx, registerScript, append(r.ownKeys(self.Holder), r.keys.Deaths(), r.keys.FleetEvents()), r.ownArgs(self)...)
		switch {
		case err != nil:
			return nil, err
		case reply[0] == "ok" && len(reply) == 3:
			r.alive(sent, reply)
			return nil, nil
		case reply[0] == "taken" && len(reply) == 4:
			return newTaken(self.Node, reply), nil
		case reply[0] == "dead":
			r.reborn()
		default:
			return nil, unexpected(registerScript, reply)
		}
	}
	return nil, nil
}

// ownKeys are the keys that register and beat both touch.
func (r *Registry) ownKeys(h session.Holder) []string {
	k := r.keys
	return []string{k.Nodes(), k.Node(h.Node), k.Incarnations(), k.Dead(), k.Load(), k.Recovery(h)}
}

func (r *Registry) ownArgs(self session.Node) []any {
	self.HeartbeatAt, self.MemoryUsage = r.redis.Now(), r.cfg.Memory()
	args := []any{string(self.Node), self.Incarnation, r.cfg.HeartbeatTimeout.Milliseconds(), string(self.State)}
	return append(args, encode(self)...)
}

// alive notes a registration that stood when it was sent for, from the reply {"ok", state, its end}. A beat's reply tells the former end,
// too. If that is before what this node was told last, Redis was rolled back, others' registrations with this one, and trust begins anew. If
// it is after that, a beat has come in whose answer was lost, and with it the word that Redis was rolled back, should it have been: likewise.
func (r *Registry) alive(sent time.Time, reply []string) (rolledBack bool) {
	ends, _ := strconv.ParseInt(reply[2], 10, 64) // a number that the script computed
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(reply) > 3 {
		former, _ := strconv.ParseInt(reply[3], 10, 64) // none: 0
		if told := r.trust.ends.UnixMilli(); former != told {
			rolledBack = former < told
			r.trust = trust{}
		}
	}
	r.trust = r.trust.renewed(sent, time.UnixMilli(ends), r.trustLimit())
	r.self.State = session.NodeState(reply[1])
	return rolledBack
}

// reborn takes a fresh incarnation and returns the former one; nothing is trusted until that is registered.
func (r *Registry) reborn() session.Holder {
	r.mu.Lock()
	defer r.mu.Unlock()
	former := r.self.Holder
	r.self.Incarnation, r.trust = newIncarnation(), trust{}
	return former
}

// takenError says that another process is registered under this node's name.
type takenError struct {
	invalid error
	at      string
	left    time.Duration
}

func newTaken(node session.NodeID, reply []string) *takenError {
	left, _ := time.ParseDuration(reply[1] + "ms")
	at := net.JoinHostPort(reply[2], reply[3])
	reason := fmt.Sprintf("is in use: %s is registered at %s for another %s", node, at, left.Round(time.Millisecond))
	return &takenError{session.Invalid("nodeId", reason), at, left}
}

func (e *takenError) Error() string { return e.invalid.Error() }

// Unwrap returns the *session.InvalidError that names nodeId.
func (e *takenError) Unwrap() error { return e.invalid }
