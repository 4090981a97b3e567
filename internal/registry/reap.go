package registry

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed reap.lua
var reapSource string

var reapScript = redisx.NewScript("reap", reapSource)

// reapLimit bounds one script call; what is left over is found by the next.
const reapLimit = 256

// Dead declares every holder dead whose registration has ended by Redis's clock, and returns all dead holders whose sessions
// are not recovered yet, those found first first. A call that reaches Redis late, as one that waited in the queue of a Redis
// that stood still, declares nobody: the beats of the living wait there too. Whether it is time to look is the caller's decision
// (Steady): a fleet that was cut off from Redis for long finds all its registrations ended. It returns session.ErrFenced where
// this node does not trust itself: such a node judges nobody.
func (r *Registry) Dead(ctx context.Context) ([]session.Holder, error) {
	trust := r.trusts()
	if !trust.holds(r.trustLimit()) {
		return nil, fmt.Errorf("look for dead nodes: %w", session.ErrFenced)
	}
	keys := []string{r.keys.Nodes(), r.keys.Incarnations(), r.keys.Dead()}
	reply, err := r.redis.Run(ctx, reapScript, keys, reapLimit, r.judgesUntil(trust).UnixMilli())
	if err != nil {
		return nil, err
	}
	list, ok := reply.([]any)
	if !ok {
		return nil, unexpected(reapScript, reply)
	}
	var dead []session.Holder
	for _, member := range list {
		text, _ := member.(string)
		node, incarnation, found := strings.Cut(text, "/")
		if r.warned.about(r.cfg.Log, r.keys.Dead()+" "+text, malformed(text, found)) {
			continue
		}
		dead = append(dead, session.Holder{Node: session.NodeID(node), Incarnation: incarnation})
	}
	return dead, nil
}

func malformed(member string, ok bool) error {
	if ok {
		return nil
	}
	return fmt.Errorf("member %q is not node/incarnation", member)
}
