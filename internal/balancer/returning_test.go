package balancer

import (
	"fmt"
	"slices"
	"testing"

	"orchestrator/internal/session"
)

// returns makes an attempt to return for each session.
func returns(node session.NodeID, ids []session.ID) []Attempt {
	out := make([]Attempt, len(ids))
	for i, id := range ids {
		out[i] = Attempt{Session: id, Key: "return-" + string(id), From: node}
	}
	return out
}

func departures(node session.NodeID, ids []session.ID) []Departure {
	out := make([]Departure, len(ids))
	for i, id := range ids {
		out[i] = Departure{id, "depart-" + string(id), node}
	}
	return out
}

// settleReturns settles both ends of returns that came.
func (b bench) settleReturns(node session.NodeID, ids []session.ID) {
	b.t.Helper()
	for _, id := range ids {
		err := b.Settle(b.t.Context(), Outcome{"depart-" + string(id), id, node, false}, Outcome{"return-" + string(id), id, node, true})
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

func sessionsOf(all []Attempt) []session.ID {
	out := make([]session.ID, len(all))
	for i, a := range all {
		out[i] = a.Session
	}
	return out
}

// TestANodeAtItsCapTakesBackAllItHad has a node that was started again with as many sessions of its dead incarnation as it may own.
func TestANodeAtItsCapTakesBackAllItHad(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx := t.Context()
		for _, strategy := range strategies {
			for _, batch := range []int{1, 30, 100} {
				for _, announced := range []bool{false, true} { // before the reservations, or after
					name := fmt.Sprintf("%s-%d-%v", strategy, batch, announced)
					b := b.using(Config{Strategy: strategy})
					node := named(name, 100)
					node.Sessions = 100
					nodes := []session.Node{b.register(node)}
					ids := sessionsOf(attempts(100))
					leave := func() {
						if err := b.Leaving(ctx, departures(node.Node, ids)...); err != nil {
							t.Fatal(err)
						}
					}
					if announced {
						leave()
					}
					for part := range slices.Chunk(ids, batch) {
						for range 2 {
							if got := b.reserve(Request{Attempts: returns(node.Node, part), Candidates: nodes}); len(got) != len(part) {
								t.Fatalf("%s: %d of %d placed", name, len(got), len(part))
							}
						}
						if got := b.reserve(Request{Attempts: attempts(2), Candidates: nodes}); len(got) != 0 {
							t.Fatalf("%s: another session got in", name)
						}
					}
					if !announced {
						leave()
					}
					for part := range slices.Chunk(ids, batch) {
						b.settleReturns(node.Node, part)
						if got := b.reserve(Request{Attempts: attempts(1), Candidates: nodes}); len(got) != 0 {
							t.Fatalf("%s: another session got in", name)
						}
					}
					if s := b.snapshot(node.Node); s.Load != 100 || len(s.Reservations) != 0 {
						t.Errorf("%s: it counts %d, %d under way", name, s.Load, len(s.Reservations))
					}
				}
			}
		}
	})
}

// TestReturnsThatFailedDoNotStandInTheWay has whoever recovers a node's sessions die twice after reserving.
func TestReturnsThatFailedDoNotStandInTheWay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		node := named("a", 20)
		node.Sessions = 20
		nodes, ids := []session.Node{b.register(node)}, sessionsOf(attempts(20))
		for try := range 3 {
			again := returns("a", ids)
			for i := range again {
				again[i].Key += fmt.Sprint(try)
			}
			if got := b.reserve(Request{Attempts: again, Candidates: nodes}); len(got) != 20 {
				t.Errorf("try %d: %d of 20 placed", try, len(got))
			}
		}
	})
}

// TestANodeThatShrankTakesBackWhatItHasRoomFor has one come back with room for 15 of its 20 sessions, of which others take 8.
func TestANodeThatShrankTakesBackWhatItHasRoomFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		node := named("a", 15)
		node.Sessions = 20
		nodes, ids := []session.Node{b.register(node)}, sessionsOf(attempts(20))
		gone, rest := ids[:8], ids[8:]
		if got := b.reserve(Request{Attempts: returns("a", rest), Candidates: nodes}); len(got) != 0 {
			t.Errorf("%d returned before any was taken", len(got))
		}
		if err := b.Leaving(t.Context(), departures("a", gone)...); err != nil {
			t.Fatal(err)
		}
		if got := b.reserve(Request{Attempts: returns("a", rest), Candidates: nodes}); len(got) != 12 {
			t.Errorf("%d of 12 returned", len(got))
		}
		if got := b.reserve(Request{Attempts: returns("a", gone), Candidates: nodes}); len(got) != 3 {
			t.Errorf("%d of those that the others failed to take returned, want 3", len(got))
		}
	})
}

// TestSessionsStayWhereTheyWere has a node come back among others that are as full: it is as good as they are for what it had.
func TestSessionsStayWhereTheyWere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		nodes := make([]session.Node, 3)
		for i := range nodes {
			nodes[i] = named(fmt.Sprintf("n%d", i), 1000)
			nodes[i].Sessions = 100
			b.register(nodes[i])
			nodes[i].Incarnation = "i-" + string(nodes[i].Node)
			nodes[i].Weight = 1
		}
		for part := range slices.Chunk(sessionsOf(attempts(100)), 25) {
			for _, p := range b.reserve(Request{Attempts: returns("n1", part), Candidates: nodes}) {
				if p.Node.Node != "n1" {
					t.Fatalf("one went to %s", p.Node.Node)
				}
			}
		}
	})
}

func TestReturnsKeepTheBoundOfConsistentHashing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		b = b.using(Config{Strategy: ConsistentHash})
		nodes := b.nodes(2, 1000)
		// Sessions whose first choice is n000, which has its 1.25 shares of 40 and 24 others: 40 = 1.25 * 64 / 2.
		var ids []session.ID
		for len(ids) < 20 {
			if id := attempts(1)[0].Session; rank(id, nodes, true)[0] == 0 {
				ids = append(ids, id)
			}
		}
		b.redis.Redis().ZAdd(t.Context(), b.keys.Load(), zscore("n000", 40), zscore("n001", 24))
		for _, p := range b.reserve(Request{Attempts: returns("n000", ids), Candidates: nodes}) {
			if p.Node.Node != "n000" {
				t.Fatalf("a session that was within the bound went to %s", p.Node.Node)
			}
		}
		other := Attempt{Session: ids[0], Key: "another"}
		if p := b.reserve(Request{Attempts: []Attempt{other}, Candidates: nodes}); p[0].Node.Node != "n001" {
			t.Error("a further session got over the bound")
		}
	})
}
