package sessionstore

import (
	"context"
	_ "embed"
	"fmt"
	"slices"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed revoked.lua
var revokedSource string

var revokedScript = redisx.NewScript("revoked", revokedSource)

// TellRevoked notes events: the owner of sessions is about to give them away, why says what for, and has the processes beside it stop. No record
// changes, and nothing depends on it: an error, a *session.UnavailableError or *session.CorruptError, says that some of them are not told.
func (s *Store) TellRevoked(ctx context.Context, why session.Reason, sessions []session.Session) error {
	byPartition := map[int]*redisx.Call{}
	for _, is := range sessions {
		p := s.keys.Partition(is.ID)
		call := byPartition[p]
		if call == nil {
			call = &redisx.Call{Script: revokedScript, Keys: []string{s.keys.Events(p)}, Args: []any{session.EventsKept}}
			byPartition[p] = call
		}
		call.Args = append(call.Args, fmt.Sprintf("%s %d.%d %s - %s %s", is.ID, is.Stamp.Epoch, is.Stamp.Version, is.Owner(), s.actor, why))
	}
	calls := make([]*redisx.Call, 0, len(byPartition))
	for _, call := range byPartition {
		calls = append(calls, call)
	}
	s.redis.RunAll(ctx, calls...)
	failed := slices.IndexFunc(calls, func(call *redisx.Call) bool { return call.Err != nil || call.Reply != int64(1) })
	switch {
	case failed < 0:
		return nil
	case calls[failed].Err != nil:
		return calls[failed].Err
	}
	n, _ := calls[failed].Reply.(int64)
	return strangeKey(calls[failed].Keys, min(n, int64(foreign)-1))
}
