package fleet

import (
	"errors"
	"maps"
	"slices"

	"orchestrator/internal/balancer"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
)

// recoveries is this node's part in the recoveries under way. It belongs to the recover job, which runs once at a time.
type recoveries map[session.Holder]*recovery

// of returns the recovery of a dead holder, begun now if need be.
func (rs recoveries) of(dead session.Holder) *recovery {
	r, ok := rs[dead]
	if !ok {
		r = &recovery{
			dead: dead, tallies: map[int]*partitionTally{}, attempts: map[session.ID]balancer.Placed{},
			unanswered: map[int]map[session.ID][]session.Holder{},
		}
		rs[dead] = r
	}
	return r
}

// recovery is what this node did about one dead holder's sessions.
type recovery struct {
	dead    session.Holder
	tallies map[int]*partitionTally
	walk    *walk // under way; nil: the next look begins one
	hushed  bool  // that there is no room was said once

	// attempts are the places that sessions got whose takeover had no answer: they are tried again there, and take no room elsewhere.
	attempts map[session.ID]balancer.Placed

	// unanswered are the takeovers of which nobody could say whether they took effect, by partition and session, each with the new owner.
	unanswered map[int]map[session.ID][]session.Holder
}

// walk goes through all that a dead holder is listed to own in a node's share of the partitions, over as many looks as it takes.
type walk struct {
	share []int               // what it was begun for
	after map[int]session.ID  // where to go on in each partition that is not done
	open  map[int]bool        // partitions of which something has no outcome
	tried map[session.ID]bool // without an outcome: a look that ran out of time goes on behind them
}

// through returns the walk under way, or a new one where there is none or the node's share has become another.
func (r *recovery) through(share []int) *walk {
	if r.walk != nil && slices.Equal(r.walk.share, share) {
		return r.walk
	}
	r.walk = &walk{share: share, after: map[int]session.ID{}, open: map[int]bool{}, tried: map[session.ID]bool{}}
	for _, p := range share {
		r.walk.after[p] = ""
	}
	return r.walk
}

// asks is where to go on in the partitions that are not done, and whose masters answer.
func (w *walk) asks(silent map[int]bool) map[int]session.ID {
	after := maps.Clone(w.after)
	maps.DeleteFunc(after, func(p int, _ session.ID) bool { return silent[p] })
	return after
}

// attempted notes how a takeover for a place ended. One without an outcome keeps its place.
func (r *recovery) attempted(p balancer.Placed, res session.Result) {
	var notBegun *notBegunError
	switch {
	case res.Applied || res.Err == nil || decided(res.Err):
		delete(r.attempts, p.Session)
	case errors.As(res.Err, &notBegun): // a new place was given back
	default:
		p.Again = true
		r.attempts[p.Session] = p
	}
}

// partitionTally counts one partition's sessions, over as many rounds as it takes.
type partitionTally struct {
	registry.Tally // not reported yet
	unreadable     map[session.ID]bool

	sent registry.Tally // reported last, under word
	word string         // empty: nothing was
	told bool           // that had an answer
}

func (r *recovery) tally(partition int) *partitionTally {
	t, ok := r.tallies[partition]
	if !ok {
		t = &partitionTally{unreadable: map[session.ID]bool{}}
		r.tallies[partition] = t
	}
	return t
}

// report returns what is to be told of a partition and under which word: what was counted since the last report that had an answer, or else that
// one again, which adds nothing where it has arrived.
func (r *recovery) report(partition int, fresh string) (word string, t registry.Tally) {
	p := r.tally(partition)
	if p.word == "" || p.told && p.Tally != (registry.Tally{}) {
		p.word, p.sent, p.told, p.Tally = fresh, p.Tally, false, registry.Tally{}
	}
	return p.word, p.sent
}

// answered notes that a report has arrived; more says that something was counted since it was first made.
func (r *recovery) answered(partition int) (more bool) {
	p := r.tally(partition)
	p.told = true
	return p.Tally != (registry.Tally{})
}

// untold are the partitions whose report had no answer.
func (r *recovery) untold() (partitions []int) {
	for p, t := range r.tallies {
		if t.word != "" && !t.told {
			partitions = append(partitions, p)
		}
	}
	return partitions
}

// count notes the outcome of a takeover for a node. A session that another node took first is in that node's tally; one that was deleted is not
// missed. An error that leaves the outcome open is returned, and who was meant to own the session remembered.
func (r *recovery) count(partition int, id session.ID, to session.Holder, err error) error {
	var stale *session.StaleEpochError
	var notBegun *notBegunError
	switch {
	case err == nil:
		delete(r.unanswered[partition], id)
		t := r.tally(partition)
		t.Expected, t.Recovered = t.Expected+1, t.Recovered+1
	case errors.As(err, &stale), errors.Is(err, session.ErrNotFound):
	case errors.As(err, &notBegun):
		return err
	default:
		if r.unanswered[partition] == nil {
			r.unanswered[partition] = map[session.ID][]session.Holder{}
		}
		if meant := r.unanswered[partition][id]; !slices.Contains(meant, to) {
			r.unanswered[partition][id] = append(meant, to)
		}
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
