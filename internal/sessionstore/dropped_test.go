package sessionstore

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// lossy is a store whose replies get lost on demand, beside one over the same keys whose do not.
type lossy struct {
	bundle
	clean   bundle
	dropper *redistest.Dropper
	made    session.Session
}

func newLossy(t *testing.T, r redistest.Redis, patience time.Duration) *lossy {
	t.Helper()
	clean := setup(t, r, 8)
	loadScripts(t, clean.client.Redis(), sources...)
	d := redistest.DropReplies()
	l := &lossy{clean.dialed(t, r, redisx.Options{Dial: d.Dial, Patience: patience}, Config{}), clean, d, session.Session{}}
	l.made = clean.create(t, "one", holderA)
	return l
}

// other is a chain beside the session's that keeps it apart.
func (l *lossy) other(t *testing.T) []int {
	t.Helper()
	p := l.Partition(l.made.ID)
	for tag := range 7 {
		if chain := []int{1 + tag}; l.apart(p, chain) && chain[0] != l.chainFor(p)[0] {
			return chain
		}
	}
	t.Fatal("no other chain keeps the records apart")
	return nil
}

// forget deletes what a place holds of the session, as if its master had lost it.
func (l *lossy) forget(t *testing.T, tag int) {
	t.Helper()
	if err := sceneOf(l.keys, l.made.ID, tag, []session.Holder{holderA, holderB}).put(t.Context(), l.clean.client.Redis(), still{}); err != nil {
		t.Fatal(err)
	}
}

var idle = session.Idle

// losses are the operations, each with a script whose reply is lost.
var losses = []struct {
	name           string
	script         string
	copies         bool                // it takes a copy to run
	holding        func(*lossy) string // narrows the script's calls; nil: any of this test
	before         func(*testing.T, *lossy)
	run            func(*testing.T, *lossy) error
	epoch, version uint64 // afterwards
}{
	{name: "create, copy", script: casSource, copies: true, run: createAnother, epoch: 1},
	{name: "create, home", script: commitSource, run: createAnother, epoch: 1},
	{name: "update, copy", script: casSource, copies: true, run: updateIt, epoch: 1, version: 1},
	{name: "update, home", script: commitSource, run: updateIt, epoch: 1, version: 1},
	{name: "takeover, copy", script: casSource, copies: true, run: takeIt, epoch: 2},
	{name: "takeover, home", script: commitSource, run: takeIt, epoch: 2},
	{name: "delete, copy", script: casSource, copies: true, run: deleteIt, epoch: 1, version: 1},
	{name: "delete, home", script: commitSource, run: deleteIt, epoch: 1, version: 1},
	{name: "publish, copy", script: casAttachSource, copies: true, run: publishIt, epoch: 1, version: 1},
	{name: "publish, home", script: commitAttachSource, run: publishIt, epoch: 1, version: 1},
	{name: "publications, copy", script: casAttachSource, copies: true, run: publishMore, epoch: 1, version: 1},
	{name: "publications, home", script: commitAttachSource, run: publishMore, epoch: 1, version: 1},
	{name: "context, copy", script: casAttachSource, copies: true, run: saveIt, epoch: 1, version: 1},
	{name: "context, home", script: commitAttachSource, run: saveIt, epoch: 1, version: 1},
	{name: "repair of a copy", script: casSource, copies: true, run: readIt, epoch: 1,
		before: func(t *testing.T, l *lossy) { l.forget(t, l.chainFor(l.Partition(l.made.ID))[0]) }},
	{name: "repair of home", script: commitSource, copies: true, run: readIt, epoch: 1,
		before: func(t *testing.T, l *lossy) { l.forget(t, home) }},
	{name: "move, new place", script: casSource, copies: true, run: moveIt, epoch: 1, version: 1},
	{name: "move, old place", script: casSource, copies: true, run: moveIt, epoch: 1, version: 1,
		holding: func(l *lossy) string { return l.keys.Copy(l.made.ID, l.chainFor(l.Partition(l.made.ID))[0]) }},
	{name: "move, home", script: commitSource, copies: true, run: moveIt, epoch: 1, version: 1},
	{name: "claim, copy", script: casSource, copies: true, run: claimIt, epoch: 1,
		holding: func(*lossy) string { return "idempotency-copy:" }},
	{name: "claim, home", script: casSource, run: claimIt, epoch: 1,
		holding: func(*lossy) string { return ":idempotency:" }},
	{name: "prune", script: pruneSource, run: pruneIt, epoch: 1},
	{name: "drop, copy", script: dropSource, copies: true, run: collectIt,
		holding: func(l *lossy) string { return ":copy:" }},
	{name: "drop, home", script: dropSource, run: collectIt,
		holding: func(l *lossy) string { return l.keys.Session(l.made.ID) }},
}

func createAnother(t *testing.T, l *lossy) error {
	l.made.ID = l.NewID().InPartition((l.Partition(l.made.ID)+1)%8, 8)
	res := l.Create(t.Context(), Birth{ID: l.made.ID, Draft: draft("two"), Owner: holderA, Chain: l.ChainFor(l.made.ID)})[0]
	if res.Err == nil && res.Session.ID != l.made.ID {
		return fmt.Errorf("made %s", res.Session.ID)
	}
	return res.Err
}

func updateIt(t *testing.T, l *lossy) error {
	_, err := l.Update(t.Context(), l.made.ID, l.NewOp(), session.Patch{Status: &idle}, session.Condition{Epoch: 1})
	return err
}

func takeIt(t *testing.T, l *lossy) error {
	return l.TakeOver(t.Context(), Takeover{ID: l.made.ID, From: holderA, Epoch: 1, To: holderB})[0].Err
}

func deleteIt(t *testing.T, l *lossy) error {
	_, err := l.Delete(t.Context(), l.made.ID, l.NewOp(), session.Condition{}, nil)
	return err
}

func readIt(t *testing.T, l *lossy) error {
	_, err := l.Get(t.Context(), l.made.ID, session.Linearizable)
	return err
}

func moveIt(t *testing.T, l *lossy) error {
	moved, err := l.moveCopies(t.Context(), l.made.ID, l.other(t))
	if err == nil && !moved {
		return errors.New("not moved")
	}
	return err
}

func claimIt(t *testing.T, l *lossy) error {
	idem, id := session.Idempotency{Key: "k", Fingerprint: "f"}, l.NewID()
	c, err := l.Claim(t.Context(), idem, id)
	if err != nil || c.Session != id {
		return fmt.Errorf("claimed %v, want %s: %w", c, id, err)
	}
	if again, err := l.clean.Claim(t.Context(), idem, l.NewID()); err != nil || again.Session != id {
		return fmt.Errorf("claimed %v again, want %s: %w", again, id, err)
	}
	p := l.claimPlace(idem.Key)
	f, _, err := l.clean.settleChain(t.Context(), p, nil)
	if err != nil || f.head.Stamp.Version != 1 {
		return fmt.Errorf("the claim is at %s: %w", f.head.Stamp, err)
	}
	return nil
}

func pruneIt(t *testing.T, l *lossy) error {
	ghost := l.NewID().InPartition(l.Partition(l.made.ID), 8)
	l.clean.plantEntry(t, l.keys.Index(l.Partition(ghost)), ghost)
	_, err := l.Audit(t.Context(), l.Partition(ghost), nil, func(session.Session) {})
	l.clean.healthy(t, 1)
	return err
}

// collectIt deletes the session and collects its tombstone at once.
func collectIt(t *testing.T, l *lossy) error {
	if _, err := l.clean.Delete(t.Context(), l.made.ID, l.NewOp(), session.Condition{}, nil); err != nil {
		return err
	}
	l.retention = 0
	round := &audit{s: l.Store, partition: l.Partition(l.made.ID)}
	gone, err := round.collect(t.Context(), l.made.ID)
	if err == nil && !gone {
		return errors.New("not collected")
	}
	for _, tag := range append([]int{home}, allCopyTags...) {
		s := l.take(t, l.made.ID, tag)
		if wrong := s.derived(l.keys, l.made.ID); s.stamp() != "-" || tag == home && wrong != "" {
			return fmt.Errorf("place %d still holds %s %s", tag, s.stamp(), wrong)
		}
	}
	return err
}

// One reply of each script is lost after it was executed; the library sends the call again. The operation took effect once.
func TestLostRepliesChangeNothing(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		for _, c := range losses {
			if c.copies && r.Masters() == 1 {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				l := newLossy(t, r, 0)
				if c.before != nil {
					c.before(t, l)
				}
				match := redistest.Script(c.script).Holding(l.keys.Prefix())
				if c.holding != nil {
					match = redistest.Script(c.script).Holding(c.holding(l))
				}
				l.dropper.Arm(1, match)
				if err := c.run(t, l); err != nil {
					t.Fatal(err)
				}
				if n := l.dropper.Dropped(); n != 1 {
					t.Fatalf("%d replies were lost, want 1", n)
				}
				if c.epoch > 0 {
					l.clean.whole(t, l.made.ID, c.epoch, c.version)
				}
			})
		}
	})
}

// As many replies are lost in a row as it takes for the library to give up. The caller hears success or that Redis is out of
// reach, never a refusal; asked again with the same operation, it is applied once.
func TestManyLostRepliesAreToldHonestly(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		for _, c := range []struct {
			name           string
			run            func(*testing.T, *lossy, session.OpID) error
			epoch, version uint64
		}{
			{"update", func(t *testing.T, l *lossy, op session.OpID) error {
				_, err := l.Update(t.Context(), l.made.ID, op, session.Patch{Status: &idle}, session.Condition{Epoch: 1})
				return err
			}, 1, 1},
			{"delete", func(t *testing.T, l *lossy, op session.OpID) error {
				_, err := l.Delete(t.Context(), l.made.ID, op, session.Condition{Epoch: 1}, nil)
				return err
			}, 1, 1},
			{"takeover", func(t *testing.T, l *lossy, _ session.OpID) error { return takeIt(t, l) }, 2, 0},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				for lost := 1; lost <= 9; lost += 2 {
					l := newLossy(t, r, time.Millisecond)
					op := l.NewOp()
					l.dropper.Arm(lost, redistest.Script(commitSource).Holding(l.keys.Prefix()))
					err := c.run(t, l, op)
					var unavailable *session.UnavailableError
					if err != nil && !errors.As(err, &unavailable) {
						t.Fatalf("%d replies lost: %v", lost, err)
					}
					l.dropper.Arm(0, nil)
					began := time.Now()
					var stale *session.StaleEpochError
					for err = c.run(t, l, op); errors.As(err, &unavailable); err = c.run(t, l, op) { // the breaker lets a call through now and then
						if time.Since(began) > 20*time.Second {
							t.Fatalf("%d replies lost, asked again and again: %v", lost, err)
						}
					}
					if err != nil && !(c.epoch == 2 && errors.As(err, &stale) && stale.Owner == holderB.Node) {
						t.Fatalf("%d replies lost, asked again: %v", lost, err)
					}
					l.clean.whole(t, l.made.ID, c.epoch, c.version)
				}
			})
		}
	})
}

// A takeover whose reservation has ended is not applied, whichever way it goes.
func TestTakeoverEndsWithItsReservation(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b := setup(t, r, 8)
		made := b.create(t, "one", holderA)
		late := Takeover{ID: made.ID, From: holderA, Epoch: 1, To: holderB, NotAfter: b.Now().Add(-time.Second)}
		var unavailable *session.UnavailableError
		if res := b.TakeOver(t.Context(), late)[0]; !errors.As(res.Err, &unavailable) {
			t.Fatalf("taken over too late: %+v", res)
		}
		b.whole(t, made.ID, 1, 0)
	})
}
