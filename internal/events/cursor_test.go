package events

import (
	"slices"
	"testing"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/session"
)

func TestCursorsReadBack(t *testing.T) {
	t.Parallel()
	const now = 1_800_000_000_000
	ps := make(positions, 257)
	for i := range ps {
		ps[i] = position{ms: now - uint64(i)*86_400_000/257, seq: uint64(i % 3), before: i%5 == 0}
	}
	ps[7], ps[8] = position{}, position{ms: 0, seq: 1}
	cursor := ps.encode("orch")
	got, err := decodeCursor(cursor, "orch", 257)
	if err != nil || !slices.Equal(got, ps) {
		t.Fatal(err)
	}
	if len(cursor) > 2500 {
		t.Errorf("a cursor of 256 partitions, a day apart, has %d characters", len(cursor))
	}
}

// Whoever comes back may name two: the one it began with, in the query, and Last-Event-ID. A node takes headers of MaxCursor and some more.
func TestTwoCursorsOfTheMostPartitionsAreNoMoreThanOneMayBe(t *testing.T) {
	t.Parallel()
	ps := make(positions, keyspace.MaxPartitions+1)
	for i := range ps {
		ps[i] = position{ms: 1_800_000_000_000 - uint64(i)*3*86_400_000/uint64(len(ps)), seq: 1}
	}
	if n := len(ps.encode("orch")); 2*n > session.MaxCursor {
		t.Errorf("one of partitions three days apart has %d characters", n)
	}
}

// Whatever a caller passes is read or refused.
func FuzzCursor(f *testing.F) {
	f.Add(make(positions, 9).encode("orch"))
	f.Add(positions{{ms: 1 << 50, seq: 1}, {}}.encode("orch"))
	f.Fuzz(func(t *testing.T, s string) {
		if ps, err := decodeCursor(s, "orch", 9); err == nil && ps.encode("orch") != s {
			t.Errorf("%q reads as %v", s, ps)
		}
	})
}
