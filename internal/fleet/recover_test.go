package fleet

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"orchestrator/internal/balancer"
	"orchestrator/internal/redistest"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// lossy is an undertaker whose answer to the first report of each partition is lost. It keeps the sums of the report that ended a recovery.
type lossy struct {
	Undertaker
	lost  map[int]bool
	ended []registry.Tally
}

func (l *lossy) Recovered(ctx context.Context, dead session.Holder, partition, partitions int, word string, t registry.Tally) (registry.Tally, bool, error) {
	total, finished, err := l.Undertaker.Recovered(ctx, dead, partition, partitions, word, t)
	if err == nil && !l.lost[partition] {
		l.lost[partition] = true
		return registry.Tally{}, false, &session.UnavailableError{Reason: "the answer is lost"}
	}
	if finished {
		l.ended = append(l.ended, total)
	}
	return total, finished, err
}

// bereaved returns a node that works only as told, and a dead one that owned n sessions.
func bereaved(t *testing.T, n int) (*member, session.Holder) {
	t.Helper()
	r, prefix := redistest.Single(t), redistest.Prefix(t)
	a := join(t, r, prefix, "a", settings{idle: true})
	a.make(t, n)
	b := join(t, r, prefix, "b", settings{idle: true})
	a.kill()
	dead := a.registry.Self().Holder
	return b, dead
}

// A report whose answer was lost is made again, and counted once; so is the one that ends the recovery.
func TestARecoveryIsSummedOnce(t *testing.T) {
	t.Parallel()
	b, _ := bereaved(t, 40)
	l := &lossy{Undertaker: b.Undertaker, lost: map[int]bool{}}
	b.Undertaker = l
	await(t, func() string {
		_ = b.recoverDead(t.Context()) // each answer is lost once
		if len(l.ended) == 0 {
			return "the end of the recovery is never told"
		}
		return ""
	})
	if want := (registry.Tally{Expected: 40, Recovered: 40}); len(l.ended) != 1 || l.ended[0] != want {
		t.Errorf("it ended with %+v, want %+v", l.ended, want)
	}
	if len(b.recoveries) != 0 {
		if err := b.recoverDead(t.Context()); err != nil || len(b.recoveries) != 0 {
			t.Errorf("it is not forgotten: %v", err)
		}
	}
}

// severed is a store that cannot reach some sessions' records.
type severed struct {
	Store
	lost  map[session.ID]bool
	asked int    // how often for one of those
	end   func() // not nil: the next takeover finds none of its sessions, and takes the time that there is
}

func (s *severed) TakeOver(ctx context.Context, takeovers ...sessionstore.Takeover) []session.Result {
	if s.end != nil {
		for _, t := range takeovers {
			s.lost[t.ID] = true
		}
		s.end()
		s.end, s.asked = nil, -len(takeovers)
	}
	results := make([]session.Result, len(takeovers))
	for i, t := range takeovers {
		if s.lost[t.ID] {
			s.asked++
			results[i].Err = &session.UnavailableError{Reason: "a redis server does not answer"}
			continue
		}
		results[i] = s.Store.TakeOver(ctx, t)[0]
	}
	return results
}

// Sessions whose records cannot be reached keep no others from their new owners, though trying them takes all the time of a round.
func TestRecoveryGoesOnBehindWhatCannotBeReached(t *testing.T) {
	t.Parallel()
	b, dead := bereaved(t, recoverBatch+100)
	g := &severed{Store: b.Service.Store, lost: map[session.ID]bool{}}
	b.Service.Store = g
	view, err := b.Members.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	round := func(ctx context.Context, left int) error {
		t.Helper()
		err := b.recoverHolder(ctx, dead, view, b.share(view))
		if n, countErr := b.store.Count(t.Context(), dead.Node); countErr != nil || n != left {
			t.Fatalf("%d sessions are left (%v), want %d; the round ended with %v", n, countErr, left, err)
		}
		return err
	}
	short, cancel := context.WithCancel(t.Context())
	g.end = cancel
	if err := round(short, recoverBatch+100); err == nil {
		t.Error("a round without time went well")
	}
	tried := len(g.lost)
	_ = round(t.Context(), tried)
	if g.asked != 0 {
		t.Errorf("what could not be reached was tried %d times before the others", g.asked)
	}
	if err := round(t.Context(), tried); err == nil || g.asked != tried {
		t.Errorf("after them %d of %d were tried, %v", g.asked, tried, err)
	}
	clear(g.lost)
	if err := round(t.Context(), 0); err != nil {
		t.Error(err)
	}
	if left, err := b.Undertaker.Dead(t.Context(), 0); err != nil || len(left) != 0 {
		t.Errorf("the recovery has not ended: %v, %v", left, err)
	}
}

// mute is a store that takes sessions over and does not say so for one in three. Of one in three of the others it says that it was done, and that
// the session has gone on since.
type mute struct {
	Store
	unsaid int
	damage func(id session.ID) // not nil: what becomes of the first of which nothing was said
}

func (m *mute) TakeOver(ctx context.Context, takeovers ...sessionstore.Takeover) []session.Result {
	results := m.Store.TakeOver(ctx, takeovers...)
	for i := range results {
		switch i % 3 {
		case 0:
			if m.unsaid == 0 && m.damage != nil {
				m.damage(takeovers[i].ID)
			}
			m.unsaid++
			results[i] = session.Result{Err: session.ErrUnknownOutcome}
		case 1:
			results[i] = session.Result{Applied: results[i].Applied, Err: session.ErrNotFound}
		}
	}
	return results
}

// A takeover that took effect though its answer was lost is counted with the others.
func TestATakeoverWithoutAnAnswerIsCounted(t *testing.T) {
	t.Parallel()
	b, _ := bereaved(t, 40)
	countedAs(t, b, &mute{Store: b.Service.Store}, registry.Tally{Expected: 40, Recovered: 40})
}

// One that cannot be read any more when it is looked up holds up no report.
func TestATakeoverWithoutAnAnswerThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b, _ := bereaved(t, 40)
	m := &mute{Store: b.Service.Store, damage: func(id session.ID) {
		if err := b.client.Redis().HSet(t.Context(), b.keys.Session(id), "epoch", "x").Err(); err != nil {
			t.Error(err)
		}
	}}
	countedAs(t, b, m, registry.Tally{Expected: 39, Recovered: 39})
}

// countedAs has b recover with the store m, and requires the sums with which that ends.
func countedAs(t *testing.T, b *member, m *mute, want registry.Tally) {
	t.Helper()
	l := &lossy{Undertaker: b.Undertaker, lost: map[int]bool{}}
	b.Service.Store, b.Undertaker = m, l
	await(t, func() string {
		_ = b.recoverDead(t.Context())
		if len(l.ended) == 0 {
			return "the end of the recovery is never told"
		}
		return ""
	})
	if m.unsaid == 0 || len(l.ended) != 1 || l.ended[0] != want {
		t.Errorf("it ended with %+v, want %+v; %d takeovers had no answer", l.ended, want, m.unsaid)
	}
}

// While a partition is open the others are reported again and again: what was counted once is not counted again, and the sums in Redis do not grow.
func TestAReportThatIsMadeAgainAddsNothing(t *testing.T) {
	t.Parallel()
	r := recoveries{}.of(session.Holder{Node: "node-1", Incarnation: "a"})
	id := session.ID("x")
	if !r.lose(3, id) {
		t.Fatal("not counted")
	}
	word, sum := r.report(3, "w1")
	if word != "w1" || sum != (registry.Tally{Expected: 1, Lost: 1}) || r.answered(3) {
		t.Fatalf("%s %+v", word, sum)
	}
	if r.lose(3, id) {
		t.Error("counted again")
	}
	if again, same := r.report(3, "w2"); again != word || same != sum || len(r.untold()) > 0 {
		t.Errorf("with nothing new it reports %+v as %s", same, again)
	}
	if err := r.count(3, "y", session.Holder{Node: "node-2"}, nil); err != nil {
		t.Fatal(err)
	}
	if next, sum := r.report(3, "w3"); next != "w3" || sum != (registry.Tally{Expected: 1, Recovered: 1}) || len(r.untold()) != 1 {
		t.Errorf("what is new is reported as %+v, %s", sum, next)
	}
}

// However often a session is tried that cannot be reached, it takes one place: with a new one each time there would be no room for others.
func TestARecoveryTakesOnePlaceForASession(t *testing.T) {
	t.Parallel()
	const n = 20
	b, dead := bereaved(t, n)
	g := &severed{Store: b.Service.Store, lost: map[session.ID]bool{}}
	b.Service.Store = g
	view, err := b.Members.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids, err := b.ownedIDs(t.Context(), dead.Node)
	if err != nil || len(ids) != n {
		t.Fatal(ids, err)
	}
	for _, id := range ids {
		g.lost[id] = true
	}
	walk := func(owned, load, attempts int) {
		t.Helper()
		err := b.recoverHolder(t.Context(), dead, view, b.share(view))
		b.settleAll(t)
		snap := b.account(t, "b")
		count, countErr := b.store.Count(t.Context(), "b")
		if countErr != nil || count != owned || snap.Load != load || snap.Attempts != attempts {
			t.Fatalf("%d owned of %d counted, %d under way; want %d, %d, %d; %v %v", count, snap.Load, snap.Attempts, owned, load, attempts, err, countErr)
		}
	}
	for range 5 {
		walk(0, n, n)
	}
	attempts := b.recoveries.of(dead).attempts
	change := func(id session.ID, to func(*balancer.Placed)) {
		p := attempts[id]
		to(&p)
		attempts[id] = p
	}

	// The time of one is over, and its records cannot be read: it waits. Then they can, and it gets another place for its own.
	change(ids[0], func(p *balancer.Placed) { p.Until = b.store.Now().Add(-time.Minute) })
	h := &hidden{Store: g, of: func(id session.ID) bool { return id == ids[0] }}
	b.Service.Store = h
	walk(0, n, n)
	if len(h.asked) == 0 {
		t.Error("nobody looked whether it can be given up")
	}
	b.Service.Store = g
	walk(0, n, n)
	if p := attempts[ids[0]]; !p.Until.After(b.store.Now()) {
		t.Errorf("its place is still %+v", p)
	}

	// One was to go to a node that is dead meanwhile: it gets another place. The former one is settled with that node's account.
	change(ids[1], func(p *balancer.Placed) { p.Node = dead })
	walk(0, n+1, n+1)

	// The time of one has just ended: it is not tried, and not given another place.
	change(ids[2], func(p *balancer.Placed) { p.Until = b.store.Now() })
	clear(g.lost)
	walk(n-1, n+1, 2)
}

// asking is a store that keeps where pages were asked for.
type asking struct {
	Store
	nodes []session.NodeID
	after []map[int]session.ID
	each  func(calls int) // not nil: called before each
}

func (a *asking) OwnedPages(ctx context.Context, node session.NodeID, after map[int]session.ID, limit int) (map[int][]session.ID, error) {
	a.nodes, a.after = append(a.nodes, node), append(a.after, maps.Clone(after))
	if a.each != nil {
		a.each(len(a.after))
	}
	return a.Store.OwnedPages(ctx, node, after, limit)
}

// placing is a placer that counts what it is asked to place.
type placing struct {
	Placer
	attempts int
}

func (a *placing) Reserve(ctx context.Context, r balancer.Request) ([]balancer.Placed, error) {
	a.attempts += len(r.Attempts)
	return a.Placer.Reserve(ctx, r)
}

// A look without the time for all of a dead node's sessions is gone on with, and does not begin again with those it has been through.
func TestARecoveryGoesOnWhereItLeftOff(t *testing.T) {
	t.Parallel()
	b, dead := bereaved(t, 8*recoverPage+400)
	view, err := b.Members.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithCancel(t.Context())
	ask := &asking{Store: b.Service.Store, each: func(calls int) {
		if calls == 2 {
			cancel()
		}
	}}
	b.Service.Store = ask
	if err := b.recoverHolder(short, dead, view, b.share(view)); err == nil || len(ask.after) != 2 {
		t.Fatalf("%d pages, %v", len(ask.after), err)
	}
	if err := b.recoverHolder(t.Context(), dead, view, b.share(view)); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(ask.after[1], ask.after[2]) || maps.Equal(ask.after[0], ask.after[1]) {
		t.Errorf("it began with %v, then %v, and went on with %v", ask.after[0], ask.after[1], ask.after[2])
	}
	if left, err := b.Undertaker.Dead(t.Context(), 0); err != nil || len(left) != 0 {
		t.Errorf("the recovery has not ended: %v, %v", left, err)
	}
}

// Of several dead nodes one whose recovery takes all the time does not keep the others waiting.
func TestDeadNodesComeInTurn(t *testing.T) {
	t.Parallel()
	r, prefix := redistest.Single(t), redistest.Prefix(t)
	for _, name := range []string{"a", "b", "c"} {
		m := join(t, r, prefix, name, settings{idle: true})
		m.make(t, 10)
		m.kill()
	}
	d := join(t, r, prefix, "d", settings{idle: true})
	await(t, func() string {
		if dead, err := d.Undertaker.Dead(t.Context(), 0); err != nil || len(dead) != 3 || !d.judges() {
			return fmt.Sprintf("%v are dead: %v", dead, err)
		}
		return ""
	})
	ask := &asking{Store: d.Service.Store}
	d.Service.Store = ask
	seen := map[session.NodeID]bool{}
	for range 3 {
		short, cancel := context.WithCancel(t.Context())
		ask.each, ask.nodes = func(int) { cancel() }, nil
		_ = d.recoverDead(short)
		if len(ask.nodes) != 1 {
			t.Fatalf("without time it looked at %v", ask.nodes)
		}
		seen[ask.nodes[0]] = true
	}
	if len(seen) != 3 {
		t.Errorf("three looks were at %v", seen)
	}
}

// Sessions that a node started again under its name has got back are listed as its own: the recovery of its former incarnation asks for no
// room for them.
func TestWhatHasReturnedTakesNoRoom(t *testing.T) {
	t.Parallel()
	r, prefix := redistest.Single(t), redistest.Prefix(t)
	former := join(t, r, prefix, "a", settings{idle: true})
	former.make(t, 40)
	former.kill()
	dead := former.registry.Self().Holder
	join(t, r, prefix, "a", settings{idle: true})
	b := join(t, r, prefix, "b", settings{idle: true, maxSessions: 1})
	ask := &placing{Placer: b.Placer}
	b.Placer = ask
	view, err := b.Members.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	share := make([]int, b.store.Partitions())
	for p := range share {
		share[p] = p
	}
	for _, want := range []int{40, 0} {
		ask.attempts = 0
		if err := b.recoverHolder(t.Context(), dead, view, share); err != nil {
			t.Fatal(err)
		}
		if n, err := b.store.Count(t.Context(), "a"); ask.attempts != want || n < 39 || err != nil {
			t.Errorf("room was asked for %d sessions, want %d; a owns %d, %v", ask.attempts, want, n, err)
		}
	}
}
