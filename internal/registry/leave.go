package registry

import (
	"context"
	_ "embed"

	"orchestrator/internal/redisx"
)

//go:embed leave.lua
var leaveOnly string

var (
	leaveSource = telling(leaveOnly)
	leaveScript = redisx.NewScript("leave", leaveSource)
)

// departureKept is for how many timeouts a holder that left is remembered as gone. A beat of its own that is still under way is
// not answered for longer than a fraction of one.
const departureKept = 3

// Leave ends this node's registration; it beats no more, and Run's own leaving at its end does nothing more. owned is how
// many sessions the node still owns, as far as it knows. If that and the live count are 0, and nothing is under way to or
// from the node, no key of the registration remains but a certificate, for three timeouts; otherwise the holder is declared
// dead at once, so that the others take its sessions over without waiting. One that is dead already stays so until it is recovered. Counts that are still to be settled should be
// settled before. It returns a *session.UnavailableError where Redis does not answer; leaving again is safe.
func (r *Registry) Leave(ctx context.Context, owned int) error {
	r.register.Lock()
	defer r.register.Unlock()
	if r.left {
		return nil
	}
	self := r.Self()
	r.distrust()
	k := r.keys
	keys := []string{k.Nodes(), k.Node(self.Node), k.Incarnations(), k.Dead(), k.Load(), k.Moves(), k.Reserved(self.Node),
		k.Recovery(self.Holder), k.Handover(self.Node), k.FleetEvents()}
	kept := departureKept * r.cfg.HeartbeatTimeout
	reply, err := r.redis.Run(ctx, leaveScript, keys, string(self.Node), self.Incarnation, owned, kept.Milliseconds())
	if err != nil {
		return err
	}
	r.left = true
	if reply == "dead" {
		r.cfg.Log.Warn("left with sessions in hand: the others take them over", "node", self.Node, "owned", owned)
		return nil
	}
	r.cfg.Log.Info("left the fleet", "node", self.Node, "incarnation", self.Incarnation)
	return nil
}

func (r *Registry) distrust() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trust = trust{}
}
