package fleet

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/balancer"
	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// settleAll tells the balancer what waits to be told: the loop of an idle member does not.
func (m *member) settleAll(t testing.TB) {
	t.Helper()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.settler.run(over); err != nil {
		t.Fatal(err)
	}
}

// account returns what the balancer keeps of a node.
func (m *member) account(t testing.TB, node session.NodeID) balancer.Snapshot {
	t.Helper()
	snap, err := m.balancer.Snapshot(t.Context(), node)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

// abandon reserves room for n sessions that are never made, and has the time for that be over.
func (m *member) abandon(t testing.TB, n int) []balancer.Placed {
	t.Helper()
	attempts := make([]balancer.Attempt, n)
	for i := range attempts {
		attempts[i] = balancer.Attempt{Session: m.store.NewID(), Key: string(m.store.NewOp())}
	}
	placed, err := m.balancer.Reserve(t.Context(), balancer.Request{Attempts: attempts, Candidates: m.registry.View().Nodes()})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range placed {
		late := redis.Z{Score: float64(i + 1), Member: p.Key} // milliseconds after 1970
		if err := m.client.Redis().ZAdd(t.Context(), m.keys.Reserved(p.Node.Node), late).Err(); err != nil {
			t.Fatal(err)
		}
	}
	return placed
}

// hidden is a store that cannot reach the records of some sessions, and counts how often it is asked for them.
type hidden struct {
	Store
	of    func(session.ID) bool
	asked []session.ID
}

func (h *hidden) Get(ctx context.Context, id session.ID, c session.Consistency) (session.Session, error) {
	if h.of(id) {
		h.asked = append(h.asked, id)
		return session.Session{}, &session.UnavailableError{Reason: "a redis server does not answer"}
	}
	return h.Store.Get(ctx, id, c)
}

// An expired reservation whose session cannot be reached stays, and keeps neither others from being dropped nor the count from being set right.
func TestWhatCannotBeReachedKeepsNoCountWrong(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		a := join(t, r, redistest.Prefix(t), "a", settings{idle: true})
		first := a.abandon(t, 40)[0].Session // the others of its partition stay with it
		h := &hidden{Store: a.Service.Store, of: func(id session.ID) bool { return a.store.Partition(id) == a.store.Partition(first) }}
		a.Service.Store = h
		stay := 0
		for _, res := range a.account(t, "a").Reservations {
			if h.of(res.Session) {
				stay++
			}
		}
		silent := map[int]bool{}
		for range 2 { // too high a count is believed the second time
			if _, err := a.correctCount(t.Context(), "a", silent); err == nil && len(silent) == 0 {
				t.Error("nothing is said of what cannot be reached")
			}
		}
		if snap := a.account(t, "a"); snap.Attempts != stay || snap.Load != stay || stay == 40 {
			t.Errorf("the count is %d with %d attempts, want %d", snap.Load, snap.Attempts, stay)
		}
		if len(h.asked) != 1 {
			t.Errorf("a master that does not answer was asked %d times", len(h.asked))
		}
		a.Service.Store = h.Store
		for range 2 {
			if _, err := a.correctCount(t.Context(), "a", map[int]bool{}); err != nil {
				t.Error(err)
			}
		}
		if snap := a.account(t, "a"); snap.Attempts != 0 || snap.Load != 0 {
			t.Errorf("once it can be reached the count is %d with %d attempts", snap.Load, snap.Attempts)
		}
	})
}

// busy are accounts that change whenever somebody is about to correct them, a few times.
type busy struct {
	Accounts
	left int
}

func (b *busy) Correct(ctx context.Context, node session.NodeID, moves int64, count int) (bool, error) {
	if b.left > 0 {
		b.left--
		return false, nil
	}
	return b.Accounts.Correct(ctx, node, moves, count)
}

// What changes a count while it is set right does not put that off to the next round.
func TestABusyCountIsSetRight(t *testing.T) {
	t.Parallel()
	a := join(t, redistest.Single(t), redistest.Prefix(t), "a", settings{idle: true})
	a.make(t, 3)
	a.settleAll(t)
	if err := a.client.Redis().ZAdd(t.Context(), a.keys.Load(), redis.Z{Score: 1, Member: "a"}).Err(); err != nil {
		t.Fatal(err)
	}
	a.Accounts = &busy{a.Accounts, correctTries - 1}
	if changed, err := a.correctCount(t.Context(), "a", map[int]bool{}); !changed || err != nil {
		t.Errorf("%v, %v", changed, err)
	}
	if n := a.counts(t)["a"]; n != 3 {
		t.Errorf("%d are counted", n)
	}
}

// spoiler is a store whose home keys hold something else than a record by the time a session is made.
type spoiler struct {
	*member
	Store
}

func (s *spoiler) Create(ctx context.Context, births ...sessionstore.Birth) []session.Result {
	for _, b := range births {
		if err := s.client.Redis().Set(ctx, s.keys.Session(b.ID), "x", 0).Err(); err != nil {
			return []session.Result{{Err: err}}
		}
	}
	return s.Store.Create(ctx, births...)
}

// Where a record was found damaged another may have been written before: the room stays reserved until that is ruled out.
func TestADamagedRecordDecidesNothing(t *testing.T) {
	t.Parallel()
	a := join(t, redistest.Single(t), redistest.Prefix(t), "a", settings{idle: true})
	a.Service.Store = &spoiler{a, a.Service.Store}
	_, _, err := a.Service.Create(t.Context(), session.Draft{Type: "t", Name: "n", Workspace: "/w"}, session.Idempotency{})
	var damaged *session.CorruptError
	if !errors.As(err, &damaged) || decided(err) {
		t.Errorf("%v: decided %v", err, decided(err))
	}
	a.settleAll(t)
	if snap := a.account(t, "a"); snap.Attempts != 1 || snap.Load != 1 {
		t.Errorf("%+v", snap)
	}
}
