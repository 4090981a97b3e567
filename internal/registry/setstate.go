package registry

import (
	"context"
	_ "embed"
	"fmt"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed setstate.lua
var setStateOnly string

var (
	setStateSource = telling(setStateOnly)
	setStateScript = redisx.NewScript("setstate", setStateSource)
)

// SetState makes any registered node ready, cordoned or draining (Drain notes how far it is), and returns it as it stands afterwards.
// The state lasts as long as the registration: a node that is started again is ready. It returns session.ErrNodeNotFound, or a
// *session.InvalidError for another state.
func (r *Registry) SetState(ctx context.Context, id session.NodeID, s session.NodeState) (session.Node, error) {
	if !settable(s) {
		return session.Node{}, session.Invalid("state", fmt.Sprintf("%q must be one of ready, cordoned, draining", s))
	}
	reply, err := r.redis.Run(ctx, setStateScript, []string{r.keys.Nodes(), r.keys.Node(id), r.keys.FleetEvents()}, string(id), string(s),
		string(r.cfg.Self.Node))
	return r.stateSet(ctx, id, s, reply, err)
}

// stateSet returns the node whose state a script has set, as it stands afterwards.
func (r *Registry) stateSet(ctx context.Context, id session.NodeID, s session.NodeState, reply any, err error) (session.Node, error) {
	if err != nil {
		return session.Node{}, err
	}
	if reply != int64(1) {
		return session.Node{}, fmt.Errorf("%s: %w", id, session.ErrNodeNotFound)
	}
	r.noteState(id, s)
	view, err := r.Refresh(ctx)
	if err != nil {
		return session.Node{}, err
	}
	node, found := view.Node(id)
	if !found {
		return session.Node{}, fmt.Errorf("%s: %w", id, session.ErrNodeNotFound)
	}
	return node, nil
}

// noteState lets this node know its own new state before its next beat does.
func (r *Registry) noteState(id session.NodeID, s session.NodeState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.self.Node == id {
		r.self.State = s
	}
}
