package fleet

import (
	"fmt"
	"slices"
	"testing"

	"orchestrator/internal/session"
)

func live(names ...string) []session.Node {
	nodes := make([]session.Node, len(names))
	for i, name := range names {
		nodes[i] = session.Node{Holder: session.Holder{Node: session.NodeID(name), Incarnation: "1"}, State: session.Ready}
	}
	return nodes
}

// A share that is remembered is the one that would be found.
func TestAShareFollowsTheMembers(t *testing.T) {
	t.Parallel()
	var kept shared
	self := live("b")[0].Holder
	restarted, dead := live("a", "b", "c"), live("a", "b", "c")
	restarted[0].Incarnation, dead[2].State = "2", session.Dead
	cordoned := live("a", "b", "c")
	cordoned[0].State = session.Cordoned
	for i, nodes := range [][]session.Node{live("a", "b", "c"), live("a", "b", "c"), live("b"), restarted, dead, cordoned, live("a", "b")} {
		got := kept.among(nodes, self, 64)
		var fresh shared
		if want := fresh.among(nodes, self, 64); !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("step %d: the share is %v, want %v", i, got, want)
		}
	}
}

func TestARoundGoesOnWhereTheLastOneEnded(t *testing.T) {
	t.Parallel()
	share := []int{2, 5, 9}
	for after, want := range map[int]string{-1: "[2 5 9]", 2: "[5 9 2]", 4: "[5 9 2]", 5: "[9 2 5]", 9: "[2 5 9]", 700: "[2 5 9]"} {
		if got := fmt.Sprint(startingAfter(share, after)); got != want {
			t.Errorf("after %d: %s, want %s", after, got, want)
		}
	}
	if got := startingAfter(nil, 3); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
