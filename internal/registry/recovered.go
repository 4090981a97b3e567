package registry

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed recovered.lua
var recoveredOnly string

var (
	recoveredSource = telling(recoveredOnly)
	recoveredScript = redisx.NewScript("recovered", recoveredSource)
)

// certificateKept is how long a recovered holder is remembered as dead: an incarnation that was stopped for longer than that,
// and runs again, is kept out by its sessions' stamps alone.
const certificateKept = 24 * time.Hour

// Tally counts a dead holder's sessions: how many it owned, how many are owned again, how many could not be found again.
type Tally struct{ Expected, Recovered, Lost int }

// Recovered records what the caller itself did about one partition, in [0, partitions), of a dead holder. word is the report's own, at most
// a few dozen letters, digits and hyphens: a report whose answer was lost is to be made again under the same one, and adds nothing. The call that
// completes the last partition is told so, once, with the sums over all; with it the holder is forgotten, but for a
// certificate that keeps its death final, and its live count while attempts are under way that will change it. A holder that
// is not being recovered is left alone: finished is false.
func (r *Registry) Recovered(ctx context.Context, dead session.Holder, partition, partitions int, word string, t Tally) (total Tally, finished bool, err error) {
	if partition < 0 || partition >= partitions {
		return Tally{}, false, session.Invalid("partition", fmt.Sprintf("is %d, must be from 0 to %d", partition, partitions-1))
	}
	k := r.keys
	keys := []string{k.Dead(), k.Recovery(dead), k.Incarnations(), k.Load(), k.Moves(), k.Reserved(dead.Node), k.FleetEvents()}
	reply, err := r.redis.Run(ctx, recoveredScript, keys, string(dead.Node), dead.Incarnation, partition, partitions,
		t.Expected, t.Recovered, t.Lost, word, certificateKept.Milliseconds(), string(r.cfg.Self.Node))
	if err != nil {
		return Tally{}, false, err
	}
	var n [4]int64
	if !integers(reply, n[:]) {
		return Tally{}, false, unexpected(recoveredScript, reply)
	}
	return Tally{int(n[1]), int(n[2]), int(n[3])}, n[0] == 1, nil
}

// integers reads an array of exactly len(into) numbers.
func integers(reply any, into []int64) bool {
	list, _ := reply.([]any)
	if len(list) != len(into) {
		return false
	}
	for i, v := range list {
		n, ok := v.(int64)
		if !ok {
			return false
		}
		into[i] = n
	}
	return true
}
