package balancer

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"orchestrator/internal/session"
)

var strategies = []Strategy{LeastConnections, ConsistentHash, RoundRobin}

func TestNoBurstBreaksTheCap(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		for _, strategy := range strategies {
			b := b.using(Config{Strategy: strategy})
			nodes := []session.Node{b.register(named("a-"+string(strategy), 100)), b.register(named("b-"+string(strategy), 100)), b.register(named("c-"+string(strategy), 100))}
			var mu sync.Mutex
			var placed int
			var wg sync.WaitGroup
			for _, a := range attempts(400) {
				wg.Go(func() {
					got, err := b.Reserve(t.Context(), Request{Attempts: []Attempt{a}, Candidates: nodes})
					mu.Lock()
					defer mu.Unlock()
					placed += len(got)
					var full *session.NoCapacityError
					if errors.As(err, &full) && len(got) == 0 && full.Used == 300 && full.Limit == 300 && len(full.Nodes) == 3 {
						return
					}
					if err != nil || len(got) != 1 {
						t.Errorf("%s: got %v, %v", strategy, got, err)
					}
				})
			}
			wg.Wait()
			if placed != 300 {
				t.Errorf("%s: %d placed, want 300", strategy, placed)
			}
			for _, n := range nodes {
				if got := b.counts()[n.Node]; got != 100 {
					t.Errorf("%s: %s has %d", strategy, n.Node, got)
				}
			}
		}
	})
}

func TestTenThousandSpreadEvenly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		for _, strategy := range []Strategy{LeastConnections, RoundRobin} {
			b := b.using(Config{Strategy: strategy})
			var nodes []session.Node
			for _, id := range []string{"a", "b", "c"} {
				nodes = append(nodes, b.register(named(id+"-"+string(strategy), 100000)))
			}
			workers := 10
			if b.keys.Prefix() == "embedded" {
				workers = 1 // it takes seconds for what Redis does in milliseconds
			}
			var wg sync.WaitGroup
			for range workers { // bursts of different sizes, the largest over the limit of one call
				wg.Go(func() {
					for _, size := range []int{1, 7, 142, 850} {
						if got := b.reserve(Request{Attempts: attempts(size), Candidates: nodes}); len(got) != size {
							t.Errorf("%d of %d placed", len(got), size)
						}
					}
				})
			}
			wg.Wait()
			counts := map[session.NodeID]int{}
			for _, n := range nodes {
				counts[n.Node] = b.counts()[n.Node]
			}
			if least, most := spread(counts); most-least > 1 || least != workers*1000/3 {
				t.Errorf("%s: counts are %v", strategy, counts)
			}
		}
	})
}

func TestLeastConnectionsGoesByWeight(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		light, heavy := named("light", 1000), named("heavy", 1000)
		light.Weight, heavy.Weight, heavy.Sessions = 1, 3, 30
		b.reserve(Request{Attempts: attempts(170), Candidates: []session.Node{b.register(light), b.register(heavy)}})
		if c := b.counts(); c["light"] != 50 || c["heavy"] != 150 {
			t.Errorf("counts are %v", c)
		}
	})
}

func TestTiesAreBrokenByTheSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		nodes, first := b.nodes(4, 1000), map[session.NodeID]int{}
		for _, a := range attempts(80) {
			p := b.reserve(Request{Attempts: []Attempt{a}, Candidates: nodes})
			if want := nodes[rank(a.Session, nodes, false)[0]].Node; p[0].Node.Node != want {
				t.Fatalf("got %s, want %s", p[0].Node.Node, want)
			}
			first[p[0].Node.Node]++
			if err := b.Settle(t.Context(), Outcome{Key: a.Key, Session: a.Session, Node: p[0].Node.Node}); err != nil {
				t.Fatal(err)
			}
		}
		if len(first) != 4 {
			t.Errorf("all went to %v", first)
		}
	})
}

func TestConsistentHashIsStableAndBounded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		b = b.using(Config{Strategy: ConsistentHash})
		nodes := b.nodes(5, 10000)
		var settled []Attempt
		for total, a := range attempts(150) {
			p := b.reserve(Request{Attempts: []Attempt{a}, Candidates: nodes})
			bound := (5*(total+1) + 19) / 20 // ceil(1.25 * (total+1) / 5)
			counts := b.counts()
			if got := counts[p[0].Node.Node]; got > bound {
				t.Fatalf("%s has %d of %d, the bound is %d", p[0].Node.Node, got, total+1, bound)
			}
			// The first in rank that was under the bound.
			for _, i := range rank(a.Session, nodes, true) {
				if nodes[i].Node == p[0].Node.Node {
					break
				}
				if counts[nodes[i].Node] < bound {
					t.Fatalf("%s was passed over with %d, the bound is %d", nodes[i].Node, counts[nodes[i].Node], bound)
				}
			}
			settled = append(settled, a)
		}
		same := 0
		for _, a := range settled { // placed again, most are where they were: that is what the hash is for
			was := b.reserve(Request{Attempts: []Attempt{a}, Candidates: nodes})
			now := b.reserve(Request{Attempts: []Attempt{{Session: a.Session, Key: a.Key + "-again"}}, Candidates: nodes})
			if was[0].Node == now[0].Node {
				same++
			}
			if err := b.Settle(t.Context(), Outcome{Key: now[0].Key, Session: a.Session}); err != nil {
				t.Fatal(err)
			}
		}
		if same < 100 {
			t.Errorf("%d of 150 went back to their node", same)
		}
	})
}

func TestRoundRobinTakesTurns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		b = b.using(Config{Strategy: RoundRobin})
		nodes := b.nodes(3, 100)
		nodes = append(nodes, b.register(session.Node{Holder: session.Holder{Node: "x"}, MaxSessions: 9, State: session.Cordoned}))
		slices.Reverse(nodes) // turns go by name, not by the order of the view
		var got []string
		for _, a := range attempts(6) {
			got = append(got, string(b.reserve(Request{Attempts: []Attempt{a}, Candidates: nodes})[0].Node.Node))
		}
		for _, p := range b.reserve(Request{Attempts: attempts(3), Candidates: nodes}) {
			got = append(got, string(p.Node.Node))
		}
		if want := "n000 n001 n002 n000 n001 n002 n000 n001 n002"; strings.Join(got, " ") != want {
			t.Errorf("turns are %v", got)
		}
	})
}

func TestPreferencesComeFirstAndGiveWay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		for _, strategy := range strategies {
			b := b.using(Config{Strategy: strategy})
			id := func(name string) string { return name + "-" + string(strategy) }
			wanted, near, nearer, far := named(id("wanted"), 2), named(id("near"), 2), named(id("nearer"), 2), named(id("far"), 100)
			wanted.Sessions, near.Zone, nearer.Zone, far.Zone = 1, "here", "here", "there"
			nodes := []session.Node{b.register(far), b.register(nearer), b.register(near), b.register(wanted)}
			var got []string
			for _, p := range b.reserve(Request{Attempts: attempts(7), Candidates: nodes,
				Prefer: session.Placement{Node: wanted.Node, Zone: "here"}}) {
				got = append(got, strings.TrimSuffix(string(p.Node.Node), "-"+string(strategy)))
			}
			slices.Sort(got[1:5])
			if want := "wanted near near nearer nearer far far"; strings.Join(got, " ") != want {
				t.Errorf("%s: placed on %v", strategy, got)
			}
		}
	})
}

func TestOnlyAndAvoid(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		nodes := b.nodes(3, 5)
		for _, p := range b.reserve(Request{Attempts: attempts(5), Candidates: nodes, Only: "n001"}) {
			if p.Node.Node != "n001" {
				t.Errorf("placed on %s", p.Node.Node)
			}
		}
		for _, p := range b.reserve(Request{Attempts: attempts(10), Candidates: nodes, Avoid: "n000"}) {
			if p.Node.Node == "n000" {
				t.Error("placed on the node to avoid")
			}
		}
		if c := b.counts(); c["n000"] != 0 || c["n001"] != 5 || c["n002"] != 5 {
			t.Errorf("counts are %v", c)
		}
	})
}

func TestARefusalSaysWhy(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		full, cordoned, draining := named("full", 2), named("cordoned", 2), named("draining", 2)
		full.Sessions, cordoned.State, draining.State = 2, session.Cordoned, session.Draining
		dead, replaced, gone, odd := named("dead", 2), named("replaced", 2), named("gone", 2), named("odd", 2)
		dead.State = session.Dead
		nodes := []session.Node{b.register(full), b.register(cordoned), b.register(draining), dead, gone, b.register(odd), b.register(named("avoided", 9)), b.register(replaced)}
		nodes[len(nodes)-1].Incarnation = "former"
		b.redis.Redis().HSet(t.Context(), b.keys.Node("odd"), "maxSessions", "many")
		// The view is old: it takes all of them for ready.
		for i := range nodes {
			if nodes[i].State != session.Dead {
				nodes[i].State = session.Ready
			}
		}
		for _, n := range []int{1, 3} {
			_, err := b.Reserve(t.Context(), Request{Attempts: attempts(n), Candidates: nodes, Avoid: "avoided"})
			var refusal *session.NoCapacityError
			if !errors.As(err, &refusal) || refusal.Used != 2 || refusal.Limit != 2 {
				t.Fatalf("got %v", err)
			}
			why := map[session.NodeID]string{}
			for _, p := range refusal.Nodes {
				why[p.Node] = p.Reason
			}
			for node, part := range map[session.NodeID]string{"full": "2 of 2", "cordoned": "is cordoned", "draining": "is draining", "dead": "is dead",
				"replaced": "started again", "gone": "no registration", "odd": b.keys.Node("odd"), "avoided": "to avoid"} {
				if !strings.Contains(why[node], part) {
					t.Errorf("%s: %q does not say %q", node, why[node], part)
				}
			}
		}
		if c := b.counts(); c["cordoned"]+c["draining"]+c["odd"]+c["avoided"]+c["replaced"] != 0 || len(b.snapshot("full").Reservations) != 0 {
			t.Errorf("counts are %v", c)
		}
		_, err := b.Reserve(t.Context(), Request{Attempts: attempts(1)})
		var refusal *session.NoCapacityError
		if !errors.As(err, &refusal) || len(refusal.Nodes) != 0 || err.Error() != "no node is registered" {
			t.Errorf("no candidates: %v", err)
		}
	})
}

func TestWhatFitsIsPlaced(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		nodes, asked := b.nodes(2, 3), attempts(9)
		placed, err := b.Reserve(t.Context(), Request{Attempts: asked, Candidates: nodes})
		var full *session.NoCapacityError
		if !errors.As(err, &full) || full.Used != 6 || full.Limit != 6 || len(placed) != 6 {
			t.Fatalf("%d placed, %v", len(placed), err)
		}
		for i, p := range placed {
			if p.Attempt != asked[i] || p.Node.Incarnation != "i-"+string(p.Node.Node) {
				t.Errorf("%d: %+v", i, p)
			}
			if left := time.Until(p.Until); left < DefaultDeadline-5*time.Second || left > DefaultDeadline+time.Second {
				t.Errorf("%d: its deadline is in %s", i, left)
			}
		}
	})
}

func TestAFleetOfManyNodesIsAskedInGroups(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		for _, strategy := range strategies {
			b := b.using(Config{Strategy: strategy})
			var nodes []session.Node
			for i := range 90 {
				n := named(string(strategy)+"-"+string(rune('a'+i/26))+string(rune('a'+i%26)), 2)
				if i%3 == 0 {
					n.State = session.Cordoned
				}
				nodes = append(nodes, b.register(n))
			}
			if got := b.reserve(Request{Attempts: attempts(150), Candidates: nodes}); len(got) != 120 {
				t.Errorf("%s: %d placed, there is room for 120", strategy, len(got))
			}
			for _, n := range nodes {
				want := 2
				if n.State != session.Ready {
					want = 0
				}
				if got := b.counts()[n.Node]; got != want {
					t.Fatalf("%s: %s has %d, want %d", strategy, n.Node, got, want)
				}
			}
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]Config{"strategy": {Strategy: "random"}, "deadline": {Deadline: -1}} {
		var invalid *session.InvalidError
		if _, err := New(nil, nil, c); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
}
