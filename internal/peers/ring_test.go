package peers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"orchestrator/internal/session"
)

// Each node is watched by as many as it watches, whatever the fleet's size and the order of the view.
func TestEveryNodeIsWatched(t *testing.T) {
	t.Parallel()
	for size := 1; size <= 40; size++ {
		var view []session.Node
		for i := range size {
			view = append(view, nodeAt(session.NodeID(fmt.Sprintf("node-%d", i)), 1))
		}
		dead := nodeAt("dead", 1)
		dead.State = session.Dead
		view = append(view, dead)
		watchers := map[session.NodeID]int{}
		for i, n := range view[:size] {
			for _, peer := range ring(n.Node, slices.Concat(view[i:], view[:i])) {
				if peer.Node == n.Node {
					t.Fatalf("%s watches itself", n.Node)
				}
				watchers[peer.Node]++
			}
		}
		for _, n := range view[:size] {
			if watchers[n.Node] != min(watched, size-1) {
				t.Fatalf("%d of %d nodes watch %s", watchers[n.Node], size, n.Node)
			}
		}
		if watchers["dead"] != 0 {
			t.Fatal("the dead are watched")
		}
	}
}

// The view decides who is watched: a newcomer is called, who is gone is left alone, a new incarnation is another peer.
func TestTheViewDecides(t *testing.T) {
	t.Parallel()
	a, b := newStand("a"), newStand("b")
	srvA, srvB := a.serve(t), b.serve(t)
	nodeA, nodeB := nodeAt("a", portOf(t, srvA.Listener.Addr().String())), nodeAt("b", portOf(t, srvB.Listener.Addr().String()))
	f := watch(t, nodeA)
	a.more(t, 2)
	f.show(nodeA, nodeB)
	b.more(t, 2)
	f.show(nodeB)
	f.rounds(t, 2)
	kill(srvA)
	again := nodeB
	again.Incarnation = "second"
	f.show(again)
	f.rounds(t, 2)
	b.more(t, 2)
	kill(srvB)
	eventually(t, "a burial", func() bool { return len(f.buried()) > 0 })
	for _, h := range f.buried() {
		if h != again.Holder {
			t.Fatalf("buried %v", h)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{{Interval: time.Second}, {Fleet: &fleet{}}} {
		var invalid *session.InvalidError
		if _, err := New(c); !errors.As(err, &invalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	w, err := New(Config{Fleet: &fleet{}, Interval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
}
