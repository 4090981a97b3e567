package lease

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed extend.lua
var extendSource string

var extendScript = redisx.NewScript("extend", extendSource)

// extendLimit bounds the leases of one script call.
const extendLimit = 500

// Extend gives the leases among ids that name the holder their whole time to live again, whatever their epoch. It returns how many those are,
// and the others, which are for Renew to look at: their leases have run out, or name somebody else. It does not look at the records: a change of owner writes
// the lease in the same script, so a lease that names the holder was written for a record that does. Sessions in Redis calls that failed are
// neither; the error, a *session.UnavailableError, is about them.
func (m *Manager) Extend(ctx context.Context, h session.Holder, ids []session.ID) (extended int, others []session.ID, err error) {
	batches := m.byPartition(ids)
	calls := make([]*redisx.Call, len(batches))
	for i, batch := range batches {
		calls[i] = m.extension(h, batch)
	}
	m.redis.RunAll(ctx, calls...)
	var errs []error
	for i, call := range calls {
		some, err := notExtended(call, batches[i])
		if err == nil {
			extended, others = extended+len(batches[i])-len(some), append(others, some...)
		}
		errs = append(errs, err)
	}
	return extended, others, errors.Join(errs...)
}

// byPartition groups ids by partition, in batches for one script call each.
func (m *Manager) byPartition(ids []session.ID) [][]session.ID {
	var batches [][]session.ID
	open := map[int]int{} // partition to its batch that has room
	for _, id := range ids {
		p := m.keys.Partition(id)
		i, ok := open[p]
		if !ok || len(batches[i]) == extendLimit {
			i = len(batches)
			open[p], batches = i, append(batches, nil)
		}
		batches[i] = append(batches[i], id)
	}
	return batches
}

func (m *Manager) extension(h session.Holder, batch []session.ID) *redisx.Call {
	call := &redisx.Call{Script: extendScript, Keys: make([]string, len(batch)), Args: []any{session.LeasePrefix(h), m.cfg.TTL.Milliseconds()}}
	for i, id := range batch {
		call.Keys[i] = m.keys.Lease(id)
	}
	return call
}

func notExtended(call *redisx.Call, batch []session.ID) ([]session.ID, error) {
	if call.Err != nil {
		return nil, call.Err
	}
	reply, ok := call.Reply.([]any)
	others := make([]session.ID, len(reply))
	for i, number := range reply {
		n, isNumber := number.(int64)
		if ok = ok && isNumber && n >= 1 && int(n) <= len(batch); !ok {
			break
		}
		others[i] = batch[n-1]
	}
	if !ok {
		return nil, redisx.Unavailable(fmt.Sprintf("script %s answered %v", call.Script.Name(), call.Reply), nil)
	}
	return others, nil
}
