package fleet

import (
	"errors"
	"slices"

	"orchestrator/internal/registry"
	"orchestrator/internal/session"
)

// recoveries is this node's part in the recoveries under way. It belongs to the recover job, which runs once at a time.
type recoveries map[session.Holder]*recovery

// of returns the recovery of a dead holder, begun now if need be.
func (rs recoveries) of(dead session.Holder) *recovery {
	r, ok := rs[dead]
	if !ok {
		r = &recovery{dead: dead, tallies: map[int]*partitionTally{}}
		rs[dead] = r
	}
	return r
}

// keep forgets the recoveries that are over.
func (rs recoveries) keep(dead []session.Holder) {
	for holder := range rs {
		if !slices.Contains(dead, holder) {
			delete(rs, holder)
		}
	}
}

// recovery is what this node did about one dead holder's sessions and has not reported yet.
type recovery struct {
	dead    session.Holder
	tallies map[int]*partitionTally
	hushed  bool // that there is no room was said once
}

// partitionTally counts one partition's sessions, over as many rounds as it takes.
type partitionTally struct {
	registry.Tally
	unreadable map[session.ID]bool
}

func (r *recovery) tally(partition int) *partitionTally {
	t, ok := r.tallies[partition]
	if !ok {
		t = &partitionTally{unreadable: map[session.ID]bool{}}
		r.tallies[partition] = t
	}
	return t
}

// reported forgets a partition's tally: what is done from now on is counted anew.
func (r *recovery) reported(partition int) { delete(r.tallies, partition) }

// count notes one takeover's outcome. A session that another node took first is in that node's tally; one that was deleted is not
// missed. An error that leaves the outcome open is returned.
func (r *recovery) count(partition int, err error) error {
	var stale *session.StaleEpochError
	switch {
	case err == nil:
		t := r.tally(partition)
		t.Expected, t.Recovered = t.Expected+1, t.Recovered+1
	case errors.As(err, &stale), errors.Is(err, session.ErrNotFound):
	default:
		return err
	}
	return nil
}

// lose counts a session that cannot be read, once; false means that it was counted before.
func (r *recovery) lose(partition int, id session.ID) bool {
	t := r.tally(partition)
	if t.unreadable[id] {
		return false
	}
	t.unreadable[id] = true
	t.Expected, t.Lost = t.Expected+1, t.Lost+1
	return true
}

// hush passes an error on, but a lack of room only the first time: it lasts, and every round meets it again.
func (r *recovery) hush(err error) error {
	var full *session.NoCapacityError
	if !errors.As(err, &full) {
		return err
	}
	if r.hushed {
		return nil
	}
	r.hushed = true
	return &waitingForRoom{r.dead.Node, err}
}

// waitingForRoom says that a dead node's sessions stay without an owner until there is room.
type waitingForRoom struct {
	node session.NodeID
	err  error
}

func (w *waitingForRoom) Error() string {
	return "sessions of dead node " + string(w.node) + " wait for room: " + w.err.Error()
}

func (w *waitingForRoom) Unwrap() error { return w.err }
