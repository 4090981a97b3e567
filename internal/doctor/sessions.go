package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"orchestrator/internal/registry"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

const (
	// MaxSessions is how many sessions a finding names.
	MaxSessions = 1000
	// shown is how many of them are in its text.
	shown = 10
)

// group is the sessions that have the same trouble.
type group struct {
	n   int
	ids []session.ID
}

func (g *group) add(id session.ID) {
	if g.n++; len(g.ids) < MaxSessions {
		g.ids = append(g.ids, id)
	}
}

// walk is a look at all sessions: one goroutine for each master, partition by partition.
type walk struct {
	e     *exam
	store *sessionstore.Store
	nodes map[session.NodeID]bool // that are registered

	mu                                     sync.Mutex // guards what follows
	read, skipped                          int        // sessions looked at; partitions that could not be
	failure                                error      // why
	shared, few, ownerless, absent, unread group
}

// sessions looks where the records of each session should lie: home and copies on different masters, as many as there can be.
func (e *exam) sessions(ctx context.Context, store *sessionstore.Store, view registry.View) {
	w := &walk{e: e, store: store, nodes: map[session.NodeID]bool{}}
	for _, n := range view.Nodes() {
		w.nodes[n.Node] = n.State != session.Dead
	}
	byMaster := map[int][]int{}
	for p := range e.keys.Partitions() {
		m := e.redis.Topology().MasterOf(e.keys.HomeSlot(p))
		byMaster[m] = append(byMaster[m], p)
	}
	var masters sync.WaitGroup
	for _, partitions := range byMaster {
		masters.Go(func() { w.through(ctx, partitions) })
	}
	masters.Wait()
	w.tell()
}

// through looks at the partitions of one master, and leaves off where that does not answer.
func (w *walk) through(ctx context.Context, partitions []int) {
	for i, p := range partitions {
		if err := w.store.Inspect(ctx, p, w.visit); err != nil {
			w.mu.Lock()
			w.skipped += len(partitions) - i
			w.failure = err
			w.mu.Unlock()
			return
		}
	}
}

func (w *walk) visit(s sessionstore.Seat) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.read++
	w.e.cfg.Progress(1)
	switch {
	case s.Unread != "":
		w.unread.add(s.ID)
		return
	case s.Absent:
		w.absent.add(s.ID)
		return
	case !s.Apart && s.Copies < w.store.Factor()-1:
		w.few.add(s.ID)
	case !s.Apart:
		w.shared.add(s.ID)
	}
	if !w.nodes[s.Owner] {
		w.ownerless.add(s.ID)
	}
}

func (w *walk) tell() {
	if w.skipped > 0 {
		w.e.unread("sessions", fmt.Errorf("%d of %d partitions were not looked through: %w", w.skipped, w.e.keys.Partitions(), w.failure))
	}
	w.group(Fail, "copies", "with home and copies not on different masters", w.shared,
		"a sync round moves them if a node runs and the masters suffice; if it stays, see orchestrator_sessions_copy_not_distinct and the logs")
	w.group(Fail, "copies", fmt.Sprintf("with fewer than %s", copies(w.store.Factor()-1)), w.few,
		"a sync round adds them if a node runs with this replicationFactor; if it stays, see the logs")
	if w.shared.n+w.few.n == 0 && w.skipped == 0 {
		w.e.tell(OK, "copies", fmt.Sprintf("%s, each with %s apart from home", count(w.read, "session"), copies(w.store.Factor()-1)), "")
	}
	w.group(Fail, "records", "with a home record that cannot be read", w.unread, "see the nodes' logs for the key; a newer version's record takes that version")
	w.group(Warn, "records", "listed, and without a record at home", w.absent, "none if a node runs: a sync round restores or unlists them")
	w.group(Warn, "owners", "of nodes that are not registered", w.ownerless, "none if nodes run and have room: they take them over; else start a node")
	if w.ownerless.n == 0 && w.skipped == 0 {
		w.e.tell(OK, "owners", "all sessions are of nodes that are registered", "")
	}
}

// group tells of sessions that have the same trouble.
func (w *walk) group(status Status, check, trouble string, g group, do string) {
	if g.n == 0 {
		return
	}
	slices.Sort(g.ids)
	ids := make([]string, min(shown, len(g.ids)))
	for i := range ids {
		ids[i] = string(g.ids[i])
	}
	found := fmt.Sprintf("%s %s: %s", count(g.n, "session"), trouble, strings.Join(ids, ", "))
	if g.n > len(ids) {
		found += fmt.Sprintf(" and %d more", g.n-len(ids))
	}
	w.e.add(Finding{status, check, found, do, g.ids})
}

// copies is a number of copies.
func copies(n int) string {
	switch n {
	case 0:
		return "no copies"
	case 1:
		return "1 copy"
	}
	return fmt.Sprintf("%d copies", n)
}
