package fleet

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/balancer"
	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// Every partition falls to exactly one of the live nodes.
func TestPartitionsAreDivided(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		prefix := redistest.Prefix(t)
		members := []*member{join(t, r, prefix, "a", settings{idle: true}), join(t, r, prefix, "b", settings{idle: true}), join(t, r, prefix, "c", settings{idle: true})}
		view, err := members[0].registry.Refresh(t.Context())
		if err != nil || len(view.Nodes()) != 3 {
			t.Fatalf("%v %v", view.Nodes(), err)
		}
		taken := map[int]int{}
		for _, m := range members {
			for _, p := range m.share(view) {
				taken[p]++
			}
		}
		for p := range members[0].store.Partitions() {
			if taken[p] != 1 {
				t.Errorf("partition %d falls to %d nodes", p, taken[p])
			}
		}
	})
}

// A dead node's sessions that find no room wait, are not lost, and are taken over once there is room.
func TestRecoveryWaitsForRoom(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		prefix := redistest.Prefix(t)
		a := join(t, r, prefix, "a", settings{maxSessions: 30})
		b := join(t, r, prefix, "b", settings{maxSessions: 30})
		await(t, func() string {
			if len(a.registry.View().Nodes()) == 2 {
				return ""
			}
			return "a never saw b"
		})
		a.make(t, 50)
		b.kill()
		await(t, func() string {
			if n := a.counts(t)["a"]; n != 30 {
				return fmt.Sprintf("a has taken over up to %d sessions, want 30", n)
			}
			return ""
		})
		if _, _, err := a.Create(t.Context(), session.Draft{Type: "t", Name: "n", Workspace: "/w"}, session.Idempotency{}); !isNoCapacity(err) {
			t.Fatalf("a create on a full fleet: %v", err)
		}
		c := join(t, r, prefix, "c", settings{maxSessions: 30})
		await(t, func() string {
			na, err := a.store.Count(t.Context(), "a")
			nc, err2 := c.store.Count(t.Context(), "c")
			if err != nil || err2 != nil || na+nc != 50 {
				return fmt.Sprintf("a owns %d, c %d (%v %v), want 50", na, nc, err, err2)
			}
			return ""
		})
		await(t, func() string {
			if counts := a.counts(t); counts["a"]+counts["c"] == 50 && len(counts) == 2 {
				return ""
			} else {
				return fmt.Sprint("counts ", counts)
			}
		})
	})
}

// However a count went wrong, the sync round sets it right, and no correction lets a node past its cap.
func TestCountsReturnToTheTruth(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		a := join(t, r, redistest.Prefix(t), "a", settings{maxSessions: 40})
		a.make(t, 20)
		for _, wrong := range []float64{0, 7, 33, 1000} {
			if err := a.client.Redis().ZAdd(t.Context(), a.keys.Load(), redis.Z{Score: wrong, Member: "a"}).Err(); err != nil {
				t.Fatal(err)
			}
			await(t, func() string {
				if n := a.counts(t)["a"]; n != 20 {
					return fmt.Sprintf("a counts %d, owns 20", n)
				}
				return ""
			})
		}
		if err := a.client.Redis().ZAdd(t.Context(), a.keys.Load(), redis.Z{Score: 5, Member: "nobody"}).Err(); err != nil {
			t.Fatal(err)
		}
		await(t, func() string {
			if _, there := a.counts(t)["nobody"]; there {
				return "a count of a node that never was is still there"
			}
			return ""
		})
	})
}

// A reservation whose creator died is given back after its deadline; one whose session came is kept.
func TestAbandonedReservationsAreSettled(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, a := t.Context(), join(t, r, redistest.Prefix(t), "a", settings{deadline: 5 * time.Second})
		reserve := func() balancer.Placed {
			placed, err := a.balancer.Reserve(ctx, balancer.Request{Attempts: []balancer.Attempt{{Session: a.store.NewID(), Key: string(a.store.NewOp())}}, Candidates: a.registry.View().Nodes()})
			if err != nil {
				t.Fatal(err)
			}
			return placed[0]
		}
		reserve() // abandoned before its records were written
		came := reserve()
		draft := session.Draft{Type: "t", Name: "came", Workspace: "/w", Status: session.Active}
		birth := sessionstore.Birth{ID: came.Session, Draft: draft, Owner: came.Node, NotAfter: came.Until, Chain: a.store.ChainFor(came.Session)}
		if res := a.store.Create(ctx, birth); res[0].Err != nil {
			t.Fatal(res[0].Err)
		}
		if n := a.counts(t)["a"]; n != 2 {
			t.Fatalf("%d are counted while both are under way", n)
		}
		await(t, func() string {
			snap, err := a.balancer.Snapshot(ctx, "a")
			if err != nil || snap.Load != 1 || len(snap.Reservations) != 0 {
				return fmt.Sprintf("%+v %v", snap, err)
			}
			return ""
		})
		late := birth
		late.ID = a.store.NewID()
		var refused *session.UnavailableError
		if res := a.store.Create(ctx, late); !errors.As(res[0].Err, &refused) {
			t.Fatalf("a create after its reservation's deadline: %+v", res[0])
		}
	})
}

// Sessions whose owner is neither alive nor known to be dead, as a Redis that was set back leaves them, get another owner.
func TestOrphansAreReowned(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, a := t.Context(), join(t, r, redistest.Prefix(t), "a", settings{})
		id := a.store.NewID()
		stranger := session.Holder{Node: "gone", Incarnation: "0123456789abcdef"}
		draft := session.Draft{Type: "t", Name: "orphan", Workspace: "/w", Status: session.Active}
		if res := a.store.Create(ctx, sessionstore.Birth{ID: id, Draft: draft, Owner: stranger, Chain: a.store.ChainFor(id)}); res[0].Err != nil {
			t.Fatal(res[0].Err)
		}
		await(t, func() string {
			is, err := a.Get(ctx, id, session.Linearizable)
			if err != nil || is.Owner() != "a" || is.Stamp.Epoch != 2 {
				return fmt.Sprintf("%+v %v", is, err)
			}
			return ""
		})
		await(t, func() string {
			if n := a.counts(t)["a"]; n != 1 {
				return fmt.Sprintf("a counts %d", n)
			}
			return ""
		})
	})
}

// Migrating back and forth while the session is written by its holders: each epoch has one owner, and stale holders are refused.
func TestMigrationFencesTheFormerOwner(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, prefix := t.Context(), redistest.Prefix(t)
		a, b := join(t, r, prefix, "a", settings{}), join(t, r, prefix, "b", settings{})
		await(t, func() string {
			if len(a.registry.View().Nodes()) == 2 && len(b.registry.View().Nodes()) == 2 {
				return ""
			}
			return "a and b never saw each other"
		})
		is := a.make(t, 1)[0]
		var mu sync.Mutex
		owners := map[uint64]session.NodeID{1: is.Owner()}
		var wg sync.WaitGroup
		for _, m := range []*member{a, b} {
			wg.Go(func() {
				for range 10 {
					moved, err := m.Migrate(ctx, is.ID, "")
					var held *session.HeldError
					var stale *session.StaleEpochError
					if err != nil && !errors.As(err, &held) && !errors.As(err, &stale) {
						t.Errorf("migrate: %v", err)
						continue
					}
					if err == nil {
						mu.Lock()
						if was, ok := owners[moved.Stamp.Epoch]; ok && was != moved.Owner() {
							t.Errorf("epoch %d belongs to %s and %s", moved.Stamp.Epoch, was, moved.Owner())
						}
						owners[moved.Stamp.Epoch] = moved.Owner()
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		now, err := a.Get(ctx, is.ID, session.Linearizable)
		if err != nil || now.Stamp.Epoch < 2 {
			t.Fatalf("%+v %v", now, err)
		}
		var stale *session.StaleEpochError
		if _, err := b.Update(ctx, is.ID, session.Patch{}, session.Condition{Epoch: now.Stamp.Epoch - 1}); !errors.As(err, &stale) {
			t.Fatalf("the former epoch: %v", err)
		}
		await(t, func() string {
			if c := a.counts(t); c["a"]+c["b"] != 1 {
				return fmt.Sprint("counts ", c)
			}
			return ""
		})
	})
}

// A node that is started again under its own name takes its former sessions back, though they fill its cap and there is no other node.
func TestARestartedNodeAtItsCapTakesItsSessionsBack(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		prefix := redistest.Prefix(t)
		first := join(t, r, prefix, "a", settings{maxSessions: 300})
		first.make(t, 300)
		first.kill()
		second := join(t, r, prefix, "a", settings{maxSessions: 300})
		await(t, func() string {
			page, err := second.List(t.Context(), session.Listing{Limit: 1000})
			if err != nil || len(page.Sessions) != 300 {
				return fmt.Sprintf("%d sessions %v", len(page.Sessions), err)
			}
			for _, is := range page.Sessions {
				if is.Holder != second.registry.Self().Holder || is.Stamp.Epoch != 2 {
					return fmt.Sprintf("%+v", is)
				}
			}
			return ""
		})
		await(t, func() string {
			if n := second.counts(t)["a"]; n != 300 {
				return fmt.Sprintf("a counts %d", n)
			}
			return ""
		})
	})
}

// One session that cannot be read keeps none of the others alive past their end.
func TestExpiryGoesOnPastAnUnreadableSession(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, a := t.Context(), join(t, r, redistest.Prefix(t), "a", settings{})
		var bad session.ID
		for i := range 20 {
			is, _, err := a.Create(ctx, session.Draft{Type: "t", Name: fmt.Sprint(i), Workspace: "/w", TTL: 4 * time.Second}, session.Idempotency{})
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				bad = is.ID
				if err := a.client.Redis().HSet(ctx, a.keys.Session(bad), "blob", "\x63junk").Err(); err != nil {
					t.Fatal(err)
				}
			}
		}
		await(t, func() string {
			n, err := a.store.Count(ctx, "a")
			if err != nil || n != 1 {
				return fmt.Sprintf("%d sessions are left, want the unreadable one: %v", n, err)
			}
			return ""
		})
		if v := a.client.Redis().HGet(ctx, a.keys.Session(bad), "blob").Val(); v != "\x63junk" {
			t.Fatalf("the unreadable record was changed: %q", v)
		}
	})
}

// A Redis that stands still for longer than registrations last, with everything in flight, is no reason to declare anybody dead.
func TestAStallOfRedisKillsNobody(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t)
	prefix := redistest.Prefix(t)
	a, b := join(t, s, prefix, "a", settings{}), join(t, s, prefix, "b", settings{})
	await(t, func() string {
		if a.registry.Steady() > 2*testHeartbeat && b.registry.Steady() > 2*testHeartbeat && len(a.registry.View().Nodes()) == 2 {
			return ""
		}
		return "the fleet is not steady"
	})
	made := a.make(t, 40)
	holders := []session.Holder{a.registry.Self().Holder, b.registry.Self().Holder}
	s.Node().Pause(t)
	await(t, func() string { // both find out by themselves that they are cut off
		if a.registry.Trusted() || b.registry.Trusted() {
			return "they still trust themselves"
		}
		return ""
	})
	s.Node().Resume(t)
	await(t, func() string {
		if a.registry.Steady() > 2*testHeartbeat && b.registry.Steady() > 2*testHeartbeat {
			return ""
		}
		return "they never became steady again"
	})
	if now := []session.Holder{a.registry.Self().Holder, b.registry.Self().Holder}; now[0] != holders[0] || now[1] != holders[1] {
		t.Fatalf("somebody was declared dead: %v, were %v", now, holders)
	}
	for _, was := range made {
		is, err := a.Get(t.Context(), was.ID, session.Linearizable)
		if err != nil || is.Stamp.Epoch != 1 {
			t.Fatalf("%+v %v", is, err)
		}
	}
}

// A create that was on its way while its owner left, or died and was recovered, is not left to its lease: the holder's end is certified.
func TestASessionThatComesToADeadHolderIsReownedAtOnce(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		prefix := redistest.Prefix(t)
		forever := settings{leaseTTL: 10 * time.Minute}
		a, b := join(t, r, prefix, "a", forever), join(t, r, prefix, "b", forever)
		former := b.registry.Self().Holder
		b.kill()
		await(t, func() string {
			if over, err := a.registry.Certified(t.Context(), former); err != nil || !over {
				return fmt.Sprint("b's end is not certified: ", err)
			}
			return ""
		})
		id := a.store.NewID()
		birth := sessionstore.Birth{ID: id, Draft: session.Draft{Type: "t", Name: "late", Workspace: "/w", Status: session.Active}, Owner: former, Chain: a.store.ChainFor(id)}
		if res := a.store.Create(t.Context(), birth)[0]; res.Err != nil {
			t.Fatal(res.Err)
		}
		await(t, func() string {
			is, err := a.Get(t.Context(), id, session.Linearizable)
			if err != nil || is.Owner() != "a" || is.Stamp.Epoch != 2 {
				return fmt.Sprintf("%+v %v", is, err)
			}
			return ""
		})
	})
}
