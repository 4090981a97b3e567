package assignments

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"orchestrator/internal/session"
)

// world is a small fleet for the model test: what Redis knows (who is registered, who owns what) and what every follower believes.
type world struct {
	mu         sync.Mutex
	registered map[session.NodeID]registration
	owners     map[session.ID]ownership
	followers  []*obedient
	violations []string
	moves      int // by the protocol
	takeovers  int // from the dead
	cuts       int // followers that a node gave up
}

type registration struct {
	holder session.Holder
	ends   time.Time
}

type ownership struct {
	holder session.Holder
	epoch  uint64
}

const (
	ends   = 5 * time.Second // after the beat that reached Redis
	trusts = 4 * time.Second // after it was sent
)

func upTo(d time.Duration) { time.Sleep(rand.N(d) + 1) }

// take is a takeover's compare-and-set.
func (w *world) take(id session.ID, from ownership, to session.Holder) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.owners[id] != from || w.registered[to.Node].holder != to {
		return false
	}
	w.owners[id] = ownership{to, from.epoch + 1}
	return true
}

func (w *world) owned(by session.Holder) (all []session.Assignment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, o := range w.owners {
		if o.holder == by {
			all = append(all, session.Assignment{Session: session.Session{ID: id, Holder: by, Stamp: session.Stamp{Epoch: o.epoch}}})
		}
	}
	return all
}

// someone is a registered incarnation of another node.
func (w *world) someone(but session.NodeID) session.Holder {
	w.mu.Lock()
	defer w.mu.Unlock()
	for node, r := range w.registered { // in an order that Go makes random
		if node != but {
			return r.holder
		}
	}
	return session.Holder{}
}

// reap gives the sessions of incarnations that are over to others.
func (w *world) reap(ctx context.Context) {
	for ctx.Err() == nil {
		upTo(300 * time.Millisecond)
		w.mu.Lock()
		for node, r := range w.registered {
			if !time.Now().Before(r.ends) {
				delete(w.registered, node)
			}
		}
		for id, o := range w.owners {
			if r, found := w.registered[o.holder.Node]; found && r.holder == o.holder {
				continue
			}
			for _, r := range w.registered {
				w.owners[id], w.takeovers = ownership{r.holder, o.epoch + 1}, w.takeovers+1
				break
			}
		}
		w.mu.Unlock()
	}
}

// believes notes that a follower begins to hold a session, and whether a follower of another node holds it at this moment.
func (w *world) believes(f *obedient, id session.ID, epoch uint64) {
	for _, other := range w.followers {
		if e, holds := other.holds[id]; holds && other.node != f.node && time.Now().Before(other.until) {
			w.violations = append(w.violations, fmt.Sprintf("%s@%d held by a follower of %s and @%d by one of %s", id, epoch, f.node, e, other.node))
		}
	}
	f.holds[id] = epoch
}

// member is one node: its beats, pictures and moves.
type member struct {
	world *world
	name  session.NodeID
	board *Board
	calm  func() bool // nothing goes wrong any more

	mu      sync.Mutex
	self    session.Holder
	stopped time.Time // the process is, until then
}

// runs waits while the process is stopped.
func (m *member) runs() {
	m.mu.Lock()
	left := time.Until(m.stopped)
	m.mu.Unlock()
	time.Sleep(left)
}

func (m *member) holder() session.Holder {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.self
}

func (m *member) chance(percent int) bool { return !m.calm() && rand.IntN(100) < percent }

func (m *member) beats(ctx context.Context) {
	for ctx.Err() == nil {
		m.runs()
		sent := time.Now()
		h := m.holder()
		upTo(150 * time.Millisecond)
		w := m.world
		w.mu.Lock()
		r, found := w.registered[m.name]
		if !found || r.holder != h { // dead for good
			h, sent = session.Holder{Node: m.name, Incarnation: fmt.Sprint(rand.Uint32())}, time.Now()
		}
		w.registered[m.name] = registration{h, time.Now().Add(ends)}
		w.mu.Unlock()
		upTo(150 * time.Millisecond)
		m.runs()
		m.mu.Lock()
		m.self = h
		m.mu.Unlock()
		m.board.Trust(h, sent.Add(trusts))
		if time.Sleep(time.Second); m.chance(3) { // Redis is away
			upTo(8 * time.Second)
		}
	}
}

func (m *member) pictures(ctx context.Context) {
	for ctx.Err() == nil {
		m.runs()
		tick, h := m.board.Begin(), m.holder()
		upTo(100 * time.Millisecond)
		all := m.world.owned(h)
		if upTo(100 * time.Millisecond); m.chance(10) {
			upTo(3 * time.Second)
		}
		m.runs()
		m.board.Sync(tick, h, all)
		upTo(400 * time.Millisecond)
	}
}

// moves hands sessions over, and sometimes changes its mind.
func (m *member) moves(ctx context.Context) {
	for ctx.Err() == nil {
		upTo(2 * time.Second)
		m.runs()
		mine := m.world.owned(m.holder())
		if m.calm() || len(mine) == 0 {
			continue
		}
		from := map[session.ID]ownership{}
		for _, a := range mine[:1+rand.IntN(len(mine))] {
			from[a.Session.ID] = ownership{a.Session.Holder, a.Session.Stamp.Epoch}
		}
		m.move(ctx, from)
	}
}

func (m *member) move(ctx context.Context, from map[session.ID]ownership) {
	limited, cancel := context.WithTimeout(ctx, time.Duration(1+rand.IntN(12))*time.Second)
	defer cancel()
	ids := make([]session.ID, 0, len(from))
	for id := range from {
		ids = append(ids, id)
	}
	cleared := m.board.Revoke(limited, ids...)
	for _, id := range ids {
		m.runs()
		moved := slices.Contains(cleared, id) && rand.IntN(4) > 0 && m.world.take(id, from[id], m.world.someone(m.name))
		upTo(20 * time.Millisecond)
		if moved {
			m.board.Moved(id)
			m.world.mu.Lock()
			m.world.moves++
			m.world.mu.Unlock()
		} else {
			m.board.Restore(id)
		}
	}
}

func (m *member) stops(ctx context.Context) {
	for ctx.Err() == nil {
		if upTo(20 * time.Second); m.chance(50) {
			m.mu.Lock()
			m.stopped = time.Now().Add(rand.N(12 * time.Second))
			m.mu.Unlock()
		}
	}
}

// settled says what is wrong with a fleet that has come to rest: every follower holds what its node owns.
func (w *world) settled(t *testing.T, sessions int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	total := 0
	for _, f := range w.followers {
		total += len(f.holds)
		for id, epoch := range f.holds {
			if o := w.owners[id]; o.holder.Node != f.node || o.epoch != epoch {
				t.Errorf("a follower of %s holds %s@%d, owned by %s@%d", f.node, id, epoch, o.holder.Node, o.epoch)
			}
		}
	}
	if total != 2*sessions {
		t.Errorf("the followers hold %d, want %d", total, 2*sessions)
	}
	for _, v := range w.violations {
		t.Error(v)
	}
}

func newMember(t *testing.T, w *world, name session.NodeID, calm func() bool) *member {
	t.Helper()
	b, err := New(Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return &member{world: w, name: name, board: b, calm: calm}
}
