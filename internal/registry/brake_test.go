package registry

import (
	"fmt"
	"testing"
	"time"

	"orchestrator/internal/session"
)

// brakeWindow is the timeout of the nodes in these tests: nothing ends by itself while one runs.
const brakeWindow = time.Minute

// crowd is a fleet of n nodes, n0 first, all registered; times are told relative to Redis's present.
type crowd struct {
	*fleet
	nodes []*Registry
	now   time.Time
}

func gather(f *fleet, n int) *crowd {
	f.t.Helper()
	c := &crowd{fleet: f}
	for i := range n {
		c.nodes = append(c.nodes, f.joined(session.NodeID(fmt.Sprintf("n%d", i)), timeout(brakeWindow)))
	}
	view, err := c.nodes[0].Refresh(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	c.now = view.Time()
	return c
}

func (c *crowd) holder(i int) session.Holder { return c.nodes[i].Self().Holder }

func (c *crowd) holders(of ...int) (hs []session.Holder) {
	for _, i := range of {
		hs = append(hs, c.holder(i))
	}
	return hs
}

// end lets the registrations of nodes end that long ago.
func (c *crowd) end(ago time.Duration, of ...int) {
	c.t.Helper()
	for _, i := range of {
		c.score(c.keys.Nodes(), string(c.holder(i).Node), ago)
	}
}

// died notes that a holder was declared dead that long ago.
func (c *crowd) died(ago time.Duration, of ...int) {
	c.t.Helper()
	for _, i := range of {
		c.score(c.keys.Deaths(), string(c.holder(i).Node)+"/"+c.holder(i).Incarnation, ago)
	}
}

// release ends the time for which the brake holds after more than half were gone.
func (c *crowd) release() {
	c.t.Helper()
	if n, err := c.redis.Redis().Del(c.t.Context(), c.keys.Brake()).Result(); err != nil || n != 1 {
		c.t.Fatalf("the brake does not hold: %v", err)
	}
}

func (c *crowd) score(key, member string, ago time.Duration) {
	c.t.Helper()
	if err := c.redis.Redis().ZAdd(c.t.Context(), key, z(member, float64(c.now.Add(-ago).UnixMilli()))).Err(); err != nil {
		c.t.Fatal(err)
	}
}

func TestTheBrakeHoldsFromMoreThanHalf(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		c := gather(f, 5)
		c.end(time.Second, 2, 3, 4)
		mustDead(t, c.nodes[0])
		if !c.nodes[0].braking.Load() || f.log.count("more than half") != 1 {
			t.Errorf("nobody is told:\n%s", f.log)
		}
		if _, err := c.nodes[0].Dead(t.Context(), time.Hour); err != nil || !c.nodes[0].braking.Load() || f.log.count("no node is waited for") != 0 {
			t.Errorf("a look that may declare nobody lets go of the brake (%v):\n%s", err, f.log)
		}
		// Of two of five nobody would have been spared. But they were three a moment ago, and come back one by one.
		if err := c.nodes[2].beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.holder(2) != mustNode(t, c.nodes[0], "n2").Holder {
			t.Error("its late beat did not renew it")
		}
		mustDead(t, c.nodes[0])
		bury(t, c.nodes[0], c.holder(1), Braked)
		if ttl := f.redis.Redis().PTTL(t.Context(), f.keys.Brake()).Val(); ttl <= 0 || ttl > brakeWindow {
			t.Errorf("the brake holds for %s", ttl)
		}
		c.release()
		mustDead(t, c.nodes[0], c.holders(3, 4)...)
		if c.nodes[0].braking.Load() || f.log.count("no node is waited for") != 1 {
			t.Errorf("nobody is told:\n%s", f.log)
		}
		ttl := f.redis.Redis().PTTL(t.Context(), f.keys.Deaths()).Val()
		if n := f.redis.Redis().ZCard(t.Context(), f.keys.Deaths()).Val(); n != 2 || ttl <= 0 || ttl > brakeWindow {
			t.Errorf("%d deaths are remembered for %s", n, ttl)
		}
	})
}

// Those who stopped together end one after the other, for each had beaten at another moment: the first must not be taken for the only one.
func TestTheBrakeCountsThoseWhoAreLate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		c := gather(f, 3)
		c.end(time.Second, 1)
		c.end(-brakeWindow/4, 2)
		mustDead(t, c.nodes[0])
		if n := f.redis.Redis().Exists(t.Context(), f.keys.Brake()).Val(); n != 0 {
			t.Error("a doubt holds longer than the late one is late")
		}
		if err := c.nodes[2].beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustDead(t, c.nodes[0], c.holder(1))
	})
}

func TestHalfOfTheNodesAreNotBraked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		two := gather(f, 2)
		two.end(time.Second, 1)
		mustDead(t, two.nodes[0], two.holder(1))
	})
	each(t, func(t *testing.T, f *fleet) {
		four := gather(f, 4)
		four.end(time.Second, 2)
		bury(t, four.nodes[0], four.holder(3), Buried)
		mustDead(t, four.nodes[0], four.holders(3, 2)...)
		bury(t, four.nodes[0], four.holder(1), Braked)
		mustNode(t, four.nodes[0], "n1")
	})
}

func TestTheBrakeLetsGoAfterAWindow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		c := gather(f, 4)
		c.end(brakeWindow-10*time.Second, 1, 2)
		c.end(brakeWindow+time.Second, 3)
		mustDead(t, c.nodes[0], c.holder(3))
		// What died counts for one window: three of four are gone still.
		mustDead(t, c.nodes[0], c.holder(3))
		if !c.nodes[0].braking.Load() {
			t.Error("the brake has let go")
		}
		c.died(brakeWindow+time.Second, 3)
		c.end(-brakeWindow, 2)
		c.release()
		mustDead(t, c.nodes[0], c.holders(3, 1)...) // one of three
		if left := f.redis.Redis().ZRange(t.Context(), f.keys.Deaths(), 0, -1).Val(); len(left) != 1 {
			t.Errorf("deaths of a former window are kept: %v", left)
		}
	})
}

// TestADeathThatWasRecoveredQuicklyCounts would else let a whole fleet be buried one by one.
func TestADeathThatWasRecoveredQuicklyCounts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		c := gather(f, 5)
		for i := 4; i > 2; i-- {
			bury(t, c.nodes[0], c.holder(i), Buried)
			recoverAll(t, c.nodes[0], c.holder(i))
		}
		c.end(time.Second, 2)
		mustDead(t, c.nodes[0])
		c.release()
		c.end(-brakeWindow, 2)
		bury(t, c.nodes[0], c.holder(2), Braked)
		c.died(brakeWindow+time.Second, 3, 4)
		bury(t, c.nodes[0], c.holder(2), Buried) // one of three
		bury(t, c.nodes[0], c.holder(1), Braked) // two of three
	})
}

// TestTheBuriedCountOnce buries one whose registration has ended as well, and one whose entry was lost.
func TestTheBuriedCountOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		c := gather(f, 4)
		c.end(time.Second, 2, 3)
		bury(t, c.nodes[0], c.holder(3), Buried)
		f.redis.Redis().ZRem(t.Context(), f.keys.Nodes(), "n2")
		bury(t, c.nodes[0], c.holder(2), Buried) // two of four
		bury(t, c.nodes[0], c.holder(1), Braked)
	})
}

func TestLeavingIsNotBrakedAndDoesNotCount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		c := gather(f, 6)
		for i := 5; i > 2; i-- {
			if err := c.nodes[i].Leave(t.Context(), i-3); err != nil { // the last with nothing in hand
				t.Fatal(err)
			}
		}
		former := c.holder(5)
		c.nodes[5] = f.joined("n5", timeout(brakeWindow))
		mustDead(t, c.nodes[0], former, c.holder(4))
		if found := f.exists(f.keys.Deaths()); len(found) > 0 {
			t.Error("a death is counted")
		}
		if err := c.nodes[5].Leave(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		c.end(time.Second, 2)
		mustDead(t, c.nodes[0], former, c.holder(4), c.holder(2)) // one of three
	})
}

// TestARestartIsNotBraked starts most of a fleet anew under its names.
func TestARestartIsNotBraked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		c := gather(f, 4)
		c.end(time.Second, 1, 2, 3)
		mustDead(t, c.nodes[0])
		former := c.holders(1, 2, 3)
		for i := 1; i < 4; i++ {
			again := f.node(c.holder(i).Node, timeout(brakeWindow))
			if taken, err := again.enlistOnce(t.Context()); err != nil || taken != nil {
				t.Fatalf("it must wait: %v, %v", taken, err)
			}
			c.nodes[i] = again
		}
		mustDead(t, c.nodes[0], former...)
		if n := f.redis.Redis().ZCard(t.Context(), f.keys.Deaths()).Val(); n != 3 {
			t.Errorf("%d deaths are counted, want those of the former three", n)
		}
		bury(t, c.nodes[0], c.holder(1), Braked) // four of seven
	})
}

// TestAFleetThatStoodStillTogetherMovesNothing lets all registrations but one end, looks, and has them beat late.
func TestAFleetThatStoodStillTogetherMovesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		c := gather(f, 4)
		before := c.holders(0, 1, 2, 3)
		c.end(10*time.Second, 1, 2, 3)
		for i := 1; i < 4; i++ {
			mustDead(t, c.nodes[0])
			bury(t, c.nodes[0], c.holder(3), Braked)
			if err := c.nodes[i].beat(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		mustDead(t, c.nodes[0])
		for i, h := range before {
			if c.holder(i) != h {
				t.Errorf("%v goes on as %v", h, c.holder(i))
			}
		}
	})
}
