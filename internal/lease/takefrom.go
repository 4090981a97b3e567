package lease

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed takefrom.lua
var takeFromSource string

var takeFromScript = redisx.NewScript("takefrom", takeFromSource)

// TakeFrom takes the session's lease for a holder from one that the caller knows to hold nothing any more, such as a dead
// one, without waiting for the lease to run out. Errors are those of Take.
func (m *Manager) TakeFrom(ctx context.Context, id session.ID, from session.Holder, fromEpoch uint64, to session.Holder, epoch uint64) (*Lease, error) {
	reply, err := m.redis.Run(ctx, takeFromScript, []string{m.keys.Lease(id)},
		session.LeaseValue(from, fromEpoch), session.LeaseValue(to, epoch), m.cfg.TTL.Milliseconds())
	if err != nil {
		return nil, err
	}
	switch list, _ := reply.([]any); {
	case len(list) == 1:
		return m.lease(id, to, epoch), nil
	case len(list) == 3:
		return nil, m.refused(id, list)
	}
	return nil, redisx.Unavailable(fmt.Sprintf("script %s answered %v", takeFromScript.Name(), reply), nil)
}

func (m *Manager) refused(id session.ID, reply []any) error {
	value, _ := reply[1].(string)
	left, _ := reply[2].(int64)
	holder, epoch, err := m.parse(id, value)
	if err != nil {
		return err
	}
	return &session.HeldError{Holder: holder, Epoch: epoch, For: time.Duration(max(left, 0)) * time.Millisecond}
}
