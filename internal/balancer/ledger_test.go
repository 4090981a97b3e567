package balancer

import (
	"testing"
	"time"

	"orchestrator/internal/session"
)

func TestSettling(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx, nodes := t.Context(), b.nodes(1, 10)
		for _, c := range []struct {
			name          string
			leaving, kept bool
			looked        bool // the caller does not know the node
			count         int  // afterwards, from 1 before
		}{
			{name: "arrived", kept: true, count: 2},
			{name: "did not arrive", count: 1},
			{name: "did not arrive, looked up", count: 1, looked: true},
			{name: "left", leaving: true, count: 0},
			{name: "did not leave", leaving: true, kept: true, count: 1},
			{name: "left, looked up", leaving: true, looked: true, count: 0},
		} {
			b.redis.Redis().ZAdd(ctx, b.keys.Load(), zscore("n000", 1))
			a := attempts(1)[0]
			before := b.snapshot("n000").Moves
			if c.leaving {
				for range 2 {
					if err := b.Leaving(ctx, Departure{a.Session, a.Key, "n000"}); err != nil {
						t.Fatal(err)
					}
				}
			} else {
				b.reserve(Request{Attempts: []Attempt{a}, Candidates: nodes})
			}
			s := b.snapshot("n000")
			if len(s.Reservations) != 1 || s.Moves == before {
				t.Fatalf("%s: %+v", c.name, s)
			}
			if r := s.Reservations[0]; r.Session != a.Session || r.Key != a.Key || r.Leaving != c.leaving || r.Expired || r.Node.Node != "n000" ||
				r.Deadline.Sub(s.At) <= 0 || (r.Node.Incarnation == "i-n000") == c.leaving {
				t.Errorf("%s: recorded as %+v", c.name, r)
			}
			o := Outcome{Key: a.Key, Session: a.Session, Node: "n000", Kept: c.kept}
			if c.looked {
				o.Node = ""
			}
			for range 3 {
				if err := b.Settle(ctx, o); err != nil {
					t.Fatal(err)
				}
			}
			after := b.snapshot("n000")
			if after.Load != c.count || len(after.Reservations) != 0 || after.Moves != s.Moves+1 {
				t.Errorf("%s: afterwards %+v, want a count of %d", c.name, after, c.count)
			}
		}
	})
}

func TestSettlingWhatIsNotRecordedChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx, nodes := t.Context(), b.nodes(2, 10)
		p := b.reserve(Request{Attempts: attempts(1), Candidates: nodes[:1]})[0]
		before := b.snapshot("n000")
		other := attempts(1)[0].Session
		if err := b.Settle(ctx,
			Outcome{Key: "unknown", Session: p.Session, Node: "n000"},
			Outcome{Key: "unknown"},
			Outcome{Key: p.Key, Session: other, Node: "n000"},
			Outcome{Key: p.Key, Session: p.Session, Node: "n001"},
		); err != nil {
			t.Fatal(err)
		}
		if after := b.snapshot("n000"); after.Load != before.Load || after.Moves != before.Moves || len(after.Reservations) != 1 {
			t.Errorf("before %+v, after %+v", before, after)
		}
		if err := b.Settle(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestCountsNeverGoBelowZeroNorComeBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx, rdb, nodes := t.Context(), b.redis.Redis(), b.nodes(1, 10)
		two := b.reserve(Request{Attempts: attempts(2), Candidates: nodes})
		rdb.ZAdd(ctx, b.keys.Load(), zscore("n000", 0))
		if err := b.Settle(ctx, Outcome{Key: two[0].Key, Session: two[0].Session, Node: "n000"}); err != nil {
			t.Fatal(err)
		}
		if got := b.counts()["n000"]; got != 0 {
			t.Errorf("the count is %d", got)
		}
		rdb.ZRem(ctx, b.keys.Load(), "n000")
		if err := b.Settle(ctx, Outcome{Key: two[1].Key, Session: two[1].Session, Node: "n000"}); err != nil {
			t.Fatal(err)
		}
		if err := rdb.ZScore(ctx, b.keys.Load(), "n000").Err(); err == nil {
			t.Errorf("a node without a count got one: %v", b.counts())
		}
	})
}

func TestCorrectOnlyWhatHasNotMoved(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx, nodes := t.Context(), b.nodes(1, 100)
		b.reserve(Request{Attempts: attempts(3), Candidates: nodes})
		seen := b.snapshot("n000")
		correct := func(moves int64, count int) bool {
			t.Helper()
			done, err := b.Correct(ctx, "n000", moves, count)
			if err != nil {
				t.Fatal(err)
			}
			return done
		}
		if !correct(seen.Moves, 40) || !correct(seen.Moves, 41) || b.counts()["n000"] != 41 {
			t.Errorf("counts are %v", b.counts())
		}
		b.reserve(Request{Attempts: attempts(1), Candidates: nodes})
		if correct(seen.Moves, 7) || b.counts()["n000"] != 42 {
			t.Errorf("a count that had moved was corrected: %v", b.counts())
		}
		seen = b.snapshot("n000")
		if err := b.Leaving(ctx, Departure{Session: attempts(1)[0].Session, Key: "k", Node: "n000"}); err != nil {
			t.Fatal(err)
		}
		if correct(seen.Moves, 7) {
			t.Error("a departure is a move")
		}
		if done, err := b.Correct(ctx, "nobody", 0, 7); done || err != nil || len(b.counts()) != 1 {
			t.Errorf("a node without a count got one: %v, %v", done, err)
		}
	})
}

func TestAnAttemptExpires(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		nodes := b.nodes(1, 10)
		p := b.using(Config{Deadline: time.Millisecond}).reserve(Request{Attempts: attempts(1), Candidates: nodes})[0]
		text := []string{p.Key, "0", ""}
		if r := b.reservation("n000", text, p.Until); !r.Expired || r.Session != "" {
			t.Errorf("%+v", r)
		}
		s := b.snapshot("n000")
		if r := s.Reservations[0]; !r.Deadline.Equal(p.Until) || r.Expired {
			t.Errorf("expired before the slack is over: %+v", r)
		}
		// What is recorded stays until it is settled, and the same attempt gets the same node and deadline.
		again := b.reserve(Request{Attempts: []Attempt{p.Attempt}, Candidates: nodes})[0]
		if again != p || b.counts()["n000"] != 1 {
			t.Errorf("%+v, then %+v; counts %v", p, again, b.counts())
		}
		late := p.Until.Add(Slack + time.Millisecond)
		if r := b.reservation("n000", []string{p.Key, itoa(p.Until.UnixMilli()), "n000|" + string(p.Session) + "|a|i-n000|0"}, late); !r.Expired || r.Session != p.Session {
			t.Errorf("%+v", r)
		}
	})
}

func TestForget(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx, rdb, nodes := t.Context(), b.redis.Redis(), b.nodes(2, 10000)
		b.reserve(Request{Attempts: attempts(2*callLimit + 1), Candidates: nodes[:1]})
		kept := b.reserve(Request{Attempts: attempts(1), Candidates: nodes[1:]})[0]
		if done, err := b.Forget(ctx, "n000"); done || err != nil || b.counts()["n000"] == 0 {
			t.Errorf("a registered node was forgotten: %v, %v", done, err)
		}
		moves := b.snapshot("n000").Moves
		rdb.Del(ctx, b.keys.Node("n000"))
		for range 2 {
			if done, err := b.Forget(ctx, "n000"); !done || err != nil {
				t.Fatalf("%v, %v", done, err)
			}
		}
		if got := rdb.HKeys(ctx, b.keys.Reservations()).Val(); len(got) != 1 || got[0] != kept.Key {
			t.Errorf("%d attempts remain", len(got))
		}
		if rdb.Exists(ctx, b.keys.Reserved("n000")).Val() != 0 || rdb.HExists(ctx, b.keys.Moves(), "n000").Val() || len(b.counts()) != 1 {
			t.Error("something of the node remains")
		}
		b.register(nodes[0])
		b.reserve(Request{Attempts: attempts(1), Candidates: nodes[:1]})
		if now := b.snapshot("n000").Moves; now <= moves {
			t.Errorf("moves begin again at %d, they were at %d", now, moves)
		}
	})
}

// TestAForgottenNodesCountStartsAnew has a node forgotten while sessions leave it, and registered again before they have left.
func TestAForgottenNodesCountStartsAnew(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx, rdb, node := t.Context(), b.redis.Redis(), b.nodes(1, 10)[0]
		rdb.ZAdd(ctx, b.keys.Load(), zscore("n000", 2))
		two := attempts(2)
		leave := func(a Attempt) {
			if err := b.Leaving(ctx, Departure{a.Session, a.Key, "n000"}); err != nil {
				t.Fatal(err)
			}
		}
		leave(two[0])
		rdb.Del(ctx, b.keys.Node("n000"))
		if done, err := b.Forget(ctx, "n000"); !done || err != nil {
			t.Fatalf("%v, %v", done, err)
		}
		leave(two[1]) // announced late
		if found := rdb.Exists(ctx, b.keys.Load(), b.keys.Reservations(), b.keys.Moves(), b.keys.Reserved("n000")).Val(); found != 0 {
			t.Errorf("%d keys of it remain", found)
		}
		b.register(node)
		b.reserve(Request{Attempts: attempts(3), Candidates: []session.Node{node}})
		for _, a := range two {
			if err := b.Settle(ctx, Outcome{Key: a.Key, Session: a.Session, Node: "n000"}); err != nil {
				t.Fatal(err)
			}
		}
		if got := b.counts()["n000"]; got != 3 {
			t.Errorf("it counts %d, want 3", got)
		}
	})
}

func TestCountsNameEveryNodeOfWhichSomethingIsKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx, rdb := t.Context(), b.redis.Redis()
		nodes := b.nodes(2, 10)
		b.reserve(Request{Attempts: attempts(1), Candidates: nodes[1:]})
		rdb.ZRem(ctx, b.keys.Load(), "n001")
		if counts := b.counts(); len(counts) != 2 || counts["n000"] != 0 || counts["n001"] != 0 {
			t.Errorf("counts are %v", counts)
		}
		rdb.Del(ctx, b.keys.Node("n001"))
		if done, err := b.Forget(ctx, "n001"); !done || err != nil || len(b.counts()) != 1 {
			t.Errorf("%v, %v, counts are %v", done, err, b.counts())
		}
	})
}

func TestASnapshotShowsTheFirstOfManyAttempts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		nodes := b.nodes(1, 10000)
		b.reserve(Request{Attempts: attempts(snapshotLimit), Candidates: nodes})
		if s := b.snapshot("n000"); s.Attempts != snapshotLimit || len(s.Reservations) != snapshotLimit || s.Load != snapshotLimit {
			t.Errorf("%d of %d attempts", len(s.Reservations), s.Attempts)
		}
		b.reserve(Request{Attempts: attempts(1), Candidates: nodes})
		if s := b.snapshot("n000"); s.Attempts != snapshotLimit+1 || len(s.Reservations) != snapshotLimit {
			t.Errorf("%d of %d attempts", len(s.Reservations), s.Attempts)
		}
		if s := b.snapshot("nobody"); s.Load != 0 || s.Moves != 0 || s.Attempts != 0 || len(s.Reservations) != 0 || s.At.IsZero() {
			t.Errorf("%+v", s)
		}
	})
}

func TestAKeyOfAnotherTypeIsAnError(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		b.redis.Redis().Set(t.Context(), b.keys.Load(), "x", 0)
		if _, err := b.Counts(t.Context()); err == nil {
			t.Error("no error")
		}
		if _, err := b.Reserve(t.Context(), Request{Attempts: attempts(1), Candidates: []session.Node{named("a", 1)}}); err == nil {
			t.Error("no error")
		}
	})
}

// A stranger's key keeps only what follows it from being settled, and that until the key is gone: nothing is forgotten and not counted.
func TestAStrangersKeyLosesNoAttempt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		nodes := b.nodes(3, 10)
		var outcomes []Outcome
		for _, n := range nodes {
			p := b.reserve(Request{Attempts: attempts(1), Candidates: []session.Node{n}})[0]
			outcomes = append(outcomes, Outcome{Key: p.Key, Session: p.Session, Node: n.Node})
		}
		rdb := b.redis.Redis()
		rdb.Set(t.Context(), b.keys.Reserved("n001"), "x", 0)
		if err := b.Settle(t.Context(), outcomes...); err == nil {
			t.Fatal("no error")
		}
		rdb.Del(t.Context(), b.keys.Reserved("n001"))
		if err := b.Settle(t.Context(), outcomes...); err != nil {
			t.Fatal(err)
		}
		if counts := b.counts(); counts["n000"]+counts["n001"]+counts["n002"] != 0 {
			t.Errorf("counts %v", counts)
		}
	})
}
