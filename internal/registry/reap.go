package registry

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed reap.lua
var reapOnly string

var (
	reapSource = telling(reapOnly)
	reapScript = redisx.NewScript("reap", reapSource)
)

// reapLimit bounds one script call; what is left over is found by the next.
const reapLimit = 256

// Dead declares every holder dead whose registration has ended by Redis's clock, and returns all dead holders whose sessions
// are not recovered yet, those found first first. A call that reaches Redis late, as one that waited in the queue of a Redis
// that stood still, declares nobody: the beats of the living wait there too. Nor does one to a Redis that knows another beat
// of this node than the last that it acknowledged: it may have been rolled back, and have forgotten the beats of others as well. Nor does a node
// that has not been steady for so long as the caller asks (see Steady): a fleet that was cut off from Redis for long finds all its registrations ended. Where more than half of the nodes are
// gone within one HeartbeatTimeout it declares only those whose registration has been over for another one. It returns
// session.ErrFenced where this node does not trust itself: such a node judges nobody.
func (r *Registry) Dead(ctx context.Context, steady time.Duration) ([]session.Holder, error) {
	trust := r.trusts()
	if !trust.holds(r.trustLimit()) {
		return nil, fmt.Errorf("look for dead nodes: %w", session.ErrFenced)
	}
	until := r.judgesUntil(trust).UnixMilli()
	if trust.steady(r.trustLimit()) < steady {
		until = 0 // it is too late at any time
	}
	keys := []string{r.keys.Nodes(), r.keys.Incarnations(), r.keys.Dead(), r.keys.Deaths(), r.keys.Brake(), r.keys.FleetEvents()}
	reply, err := r.redis.Run(ctx, reapScript, keys, reapLimit, until, r.brakeWindow(),
		string(r.Self().Node), trust.ends.UnixMilli())
	if err != nil {
		return nil, err
	}
	list, _ := reply.([]any)
	if len(list) != 2 {
		return nil, unexpected(reapScript, reply)
	}
	if spared, _ := list[0].(int64); spared >= 0 { // else nothing was seen of the brake
		r.noteBrake(int(spared))
	}
	return r.holders(list[1]), nil
}

// holders reads members of dead. One that cannot be read is left out and logged.
func (r *Registry) holders(reply any) (dead []session.Holder) {
	list, _ := reply.([]any)
	for _, member := range list {
		text, _ := member.(string)
		node, incarnation, found := strings.Cut(text, "/")
		if r.warned.about(r.cfg.Log, r.keys.Dead()+" "+text, malformed(text, found)) {
			continue
		}
		dead = append(dead, session.Holder{Node: session.NodeID(node), Incarnation: incarnation})
	}
	return dead
}

// noteBrake logs when the brake takes hold and when it lets go. Those whom it spares are declared dead once their registration has been over
// for another HeartbeatTimeout, unless they beat again.
func (r *Registry) noteBrake(spared int) {
	on := spared > 0
	if r.braking.Swap(on) == on {
		return
	}
	if on {
		r.cfg.Log.Warn("more than half of the nodes are gone at once: waiting whether they come back", "ended", spared, "for", r.cfg.HeartbeatTimeout)
		return
	}
	r.cfg.Log.Info("no node is waited for any more")
}

func malformed(member string, ok bool) error {
	if ok {
		return nil
	}
	return fmt.Errorf("member %q is not node/incarnation", member)
}
