package scale

import (
	"math"
	"testing"
	"time"

	"orchestrator/internal/fleet"
	"orchestrator/internal/session"
)

// TestLeastConnectionsStayTogether: up to 64 nodes nobody has more than one session above another, however old the views are. Beyond
// that nobody is further above the mean than what is placed while a view lasts, divided by 64, plus one. For a view's first group are the
// emptiest 64 of its moment, which have on average no more than all had; while the view lasts they get no more on average than all that
// is placed divided by 64; and who is chosen is the emptiest of the group, so no further than the group's average.
func TestLeastConnectionsStayTogether(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 10, 64, 100, 1000} {
		for _, perView := range []int{500, 20_000} {
			fillLeast(fleetOf(n), perView, views, []int{1000, 10_000, 100_000}, func(sessions int, s spread) {
				if n <= groupLimit && s.most-s.least > 1 {
					t.Errorf("%d nodes, %d sessions: from %d to %d on a node", n, sessions, s.least, s.most)
				}
				if most := s.mean() + float64(perView)/groupLimit + 1; float64(s.most) > most {
					t.Errorf("%d nodes, %d sessions, %d a view: %d on a node, the bound is %.0f", n, sessions, perView, s.most, most)
				}
			})
		}
	}
}

// TestConsistentHashingKeepsItsBound: up to 64 nodes nobody has more than 1.25 times its share, rounded up. Beyond that the share is of
// the 64 that a call looks at, and nobody has more than twice the fleet's mean.
func TestConsistentHashingKeepsItsBound(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 10, 64, 100, 1000} {
		fillHashed(fleetOf(n), []int{1000, 10_000, 100_000}, func(sessions, _ int, s spread) {
			if n <= groupLimit && float64(s.most) > math.Ceil(overload*s.mean()) || float64(s.most) > 2*s.mean()+1 {
				t.Errorf("%d nodes, %d sessions: %d on a node, the mean is %.1f", n, sessions, s.most, s.mean())
			}
		})
	}
}

// TestAFirstChoiceChangesWithItsNodeAlone: when a node goes, sessions that had another first choice keep it.
func TestAFirstChoiceChangesWithItsNodeAlone(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 10, 100, 1000} {
		all := fleetOf(n)
		rest := all[:n-1]
		for range 100_000 / n {
			id := session.NewID(time.Now())
			if before, after := first(id, all), first(id, rest); before != n-1 && before != after {
				t.Fatalf("%d nodes: the first choice of %s went from %d to %d as %d went", n, id, before, after, n-1)
			}
		}
	}
}

// TestEachPartitionHasOneWorker: it is alive, and the death of a node moves no partitions but its own.
func TestEachPartitionHasOneWorker(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 10, 100, 1000} {
		all, partitions := members(n), 1024
		before, rng := workers(all, partitions), dice(uint64(n))
		for range 3 {
			gone := rng.IntN(n)
			view := append([]session.Node{}, all...)
			view[gone].State = session.Dead
			after := workers(view, partitions)
			for p := range after {
				if after[p] == all[gone].Holder || after[p].Node == "" {
					t.Fatalf("%d nodes: a dead node, or none, works on partition %d", n, p)
				}
				if before[p] != all[gone].Holder && before[p] != after[p] {
					t.Fatalf("%d nodes: partition %d went from %v to %v as %v died", n, p, before[p], after[p], all[gone].Holder)
				}
			}
		}
		if s := spreadOf(portions(all, before, ones(partitions))); s.total != partitions {
			t.Errorf("%d nodes work on %d of %d partitions", n, s.total, partitions)
		}
	}
	if w := fleet.Worker(nil, "0"); w.Node != "" {
		t.Errorf("nobody lives, but %v works", w)
	}
}

// TestSharesOfPartitionsAreEven: no node works on more partitions than six standard deviations above the mean.
func TestSharesOfPartitionsAreEven(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 10, 100, 1000} {
		for _, partitions := range []int{256, 1024} {
			nodes := members(n)
			s := spreadOf(portions(nodes, workers(nodes, partitions), ones(partitions)))
			if most := s.mean() + 6*math.Sqrt(s.mean()) + 3; float64(s.most) > most {
				t.Errorf("%d nodes, %d partitions: one works on %d, expected at most %.0f", n, partitions, s.most, most)
			}
		}
	}
}

// TestIdsSpreadOverPartitions holds scatter to what ids do.
func TestIdsSpreadOverPartitions(t *testing.T) {
	t.Parallel()
	const sessions, partitions = 100_000, 256
	counts := make([]int, partitions)
	for range sessions {
		counts[session.NewID(time.Now()).Partition(partitions)]++
	}
	for what, s := range map[string]spread{"ids": spreadOf(counts), "scatter": spreadOf(scatter(dice(1), sessions, partitions))} {
		if off := math.Max(float64(s.most)-s.mean(), s.mean()-float64(s.least)); s.total != sessions || off > 7*math.Sqrt(s.mean()) {
			t.Errorf("%s: %+v", what, s)
		}
	}
}
