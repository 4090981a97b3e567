package registry

import (
	"context"
	_ "embed"
	"time"

	"orchestrator/internal/redisx"
)

//go:embed beat.lua
var beatSource string

var beatScript = redisx.NewScript("beat", beatSource)

// beat renews the registration. A node that finds itself dead or replaced takes a fresh incarnation and registers that.
func (r *Registry) beat(ctx context.Context) error {
	lost, err := r.beatOnce(ctx)
	if err != nil || !lost {
		return err
	}
	former := r.reborn()
	r.cfg.Log.Warn("this incarnation's registration has ended: all it held is gone, registering anew",
		"node", former.Node, "former", former.Incarnation, "incarnation", r.Self().Incarnation)
	return r.enlist(ctx)
}

func (r *Registry) beatOnce(ctx context.Context) (lost bool, err error) {
	r.register.Lock()
	defer r.register.Unlock()
	if r.left {
		return false, nil
	}
	// A beat that is not answered soon is given up for a younger one, whose trust lasts longer.
	ctx, cancel := context.WithTimeout(ctx, r.cfg.HeartbeatTimeout*2/5)
	defer cancel()
	self := r.Self()
	sent := time.Now()
	reply, err := r.runStrings(ctx, beatScript, r.ownKeys(self.Holder), r.ownArgs(self)...)
	switch {
	case err != nil:
		return false, err
	case reply[0] == "lost":
		return true, nil
	case reply[0] == "ok" && len(reply) == 4:
		if r.alive(sent, reply) {
			r.cfg.Log.Warn("redis has forgotten beats that it had acknowledged: judging nobody until all could beat again", "node", self.Node)
		}
		return false, nil
	}
	return false, unexpected(beatScript, reply)
}
