package assignments

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"orchestrator/internal/session"
)

// The promise of the package: whatever is slow, stops or breaks, no follower begins to hold a session while one of another node holds it;
// and when the trouble is over, all run what their nodes own.
func TestNoTwoNodesFollowersHoldASession(t *testing.T) {
	t.Parallel()
	for i := range 12 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, runFleet)
		})
	}
}

func runFleet(t *testing.T) {
	const sessions, trouble, rest = 12, 5 * time.Minute, time.Minute
	w := &world{registered: map[session.NodeID]registration{}, owners: map[session.ID]ownership{}}
	for i := range sessions {
		w.owners[session.ID(fmt.Sprintf("s%02d", i))] = ownership{}
	}
	start := time.Now()
	calm := func() bool { return time.Since(start) > trouble }
	ctx, cancel := context.WithTimeout(t.Context(), trouble+rest)
	defer cancel()
	var all sync.WaitGroup
	for _, name := range []session.NodeID{"node-1", "node-2", "node-3"} {
		m := newMember(t, w, name, calm)
		for range 2 {
			f := &obedient{member: m, node: name, holds: map[session.ID]uint64{}}
			w.followers = append(w.followers, f)
		}
		for _, loop := range []func(context.Context){m.beats, m.pictures, m.moves, m.stops, func(ctx context.Context) { _ = m.board.Run(ctx) }} {
			all.Go(func() { loop(ctx) })
		}
	}
	for _, f := range w.followers {
		all.Go(func() { f.follows(ctx) })
	}
	all.Go(func() { w.reap(ctx) })
	time.Sleep(trouble + rest - time.Second)
	w.settled(t, sessions)
	cancel()
	all.Wait()
	t.Logf("%d moves, %d takeovers, %d streams ended by a node", w.moves, w.takeovers, w.cuts)
	if w.moves == 0 || w.takeovers == 0 || w.cuts == 0 {
		t.Error("too little has happened to prove anything")
	}
}
