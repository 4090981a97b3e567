package fleet

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"orchestrator/internal/assignments"
	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// follow has somebody follow a member until the test ends, keeping to the rules (mute: acknowledging nothing), who tells what he holds. A
// stream that ends, as one of a node that lost its registration does, is opened again.
func follow(t *testing.T, m *member, mute bool, tell func(id session.ID, epoch uint64, holds bool)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var g errgroup.Group
	g.Go(func() error {
		for ctx.Err() == nil {
			if f, err := m.Follow(ctx); err == nil {
				followOne(ctx, m, f, mute, tell)
			} else {
				time.Sleep(10 * time.Millisecond)
			}
		}
		return nil
	})
	t.Cleanup(func() { cancel(); _ = g.Wait() })
}

func followOne(ctx context.Context, m *member, f *assignments.Follower, mute bool, tell func(id session.ID, epoch uint64, holds bool)) {
	held, watcher := map[session.ID]uint64{}, ""
	hold := func(as session.Assignment) {
		held[as.Session.ID] = as.Session.Stamp.Epoch
		tell(as.Session.ID, as.Session.Stamp.Epoch, true)
	}
	drop := func(id session.ID) {
		if epoch, holds := held[id]; holds {
			tell(id, epoch, false)
			delete(held, id)
		}
	}
	for {
		ev, err := f.Next(ctx)
		if err != nil || ev.Kind == assignments.End {
			for id := range held {
				drop(id)
			}
			f.Close()
			return
		}
		switch ev.Kind {
		case assignments.Snapshot:
			watcher = ev.Watcher
			for _, as := range ev.Assignments {
				hold(as)
			}
		case assignments.Assigned:
			hold(ev.Assignment)
		case assignments.Revoked:
			drop(ev.ID)
			if !mute {
				_ = m.board.Ack(watcher, assignments.Released{ID: ev.ID, Epoch: ev.Epoch}) // refused where the stream has ended since
			}
		}
	}
}

// Sessions are moved about by drains, migrations and the wish to even out: who follows one node never believes to hold what a follower
// of the other holds.
func TestFollowersOfTwoNodesNeverHoldTheSame(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		prefix := redistest.Prefix(t)
		a, b := join(t, r, prefix, "a", settings{}), join(t, r, prefix, "b", settings{})
		await(t, func() string {
			if len(a.registry.View().Nodes()) == 2 && len(b.registry.View().Nodes()) == 2 {
				return ""
			}
			return "a and b never saw each other"
		})
		belief := beliefs{t: t, by: map[session.ID]string{}}
		for _, m := range []*member{a, b} {
			name := string(m.registry.Self().Node)
			follow(t, m, false, func(id session.ID, epoch uint64, holds bool) { belief.set(name, id, epoch, holds) })
		}
		made := a.make(t, 40)
		await(t, func() string { return belief.count(40) })
		for _, is := range made[:20] {
			if _, err := b.Migrate(t.Context(), is.ID, ""); err != nil {
				t.Fatal(err)
			}
		}
		await(t, func() string { return belief.count(40) })
		for _, m := range []*member{a, b} {
			if _, err := b.Drain(t.Context(), m.registry.Self().Node, 10*time.Second); err != nil {
				t.Fatal(err)
			}
			await(t, func() string {
				if n := m.counts(t)[m.registry.Self().Node]; n > 0 {
					return fmt.Sprintf("%d sessions are left on %s", n, m.registry.Self().Node)
				}
				return belief.count(40)
			})
			if _, err := a.SetState(t.Context(), m.registry.Self().Node, session.Ready); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A follower that does not acknowledge delays a move, and does not prevent it.
func TestASilentFollowerIsCutOff(t *testing.T) {
	t.Parallel()
	r := redistest.Single(t)
	prefix := redistest.Prefix(t)
	a := join(t, r, prefix, "a", settings{})
	is := a.make(t, 1)[0]
	b := join(t, r, prefix, "b", settings{})
	belief := beliefs{t: t, by: map[session.ID]string{}}
	follow(t, a, true, func(id session.ID, epoch uint64, holds bool) { belief.set("a", id, epoch, holds) })
	await(t, func() string { return belief.count(1) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	moved, err := b.Migrate(ctx, is.ID, "b")
	if err != nil || moved.Owner() != "b" || moved.Stamp.Epoch != 2 {
		t.Fatalf("%+v %v", moved, err)
	}
	await(t, func() string { return belief.count(0) })
}
