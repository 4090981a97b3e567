package integration

import (
	"fmt"
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

// rebalance is what the API says of evening out the load.
type rebalance struct {
	DryRun bool
	Moves  int
	Nodes  []struct {
		ID                              string
		Sessions, Target, Give, Movable int
	}
	Sessions []struct{ ID, From string }
}

// A node that joins gets its share, and no more sessions move than that takes; those that must not be disrupted stay.
func TestANodeThatJoinsGetsItsShare(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		flags := []string{"--gossip-interval", "300ms", "--heartbeat-timeout", "1500ms", "--rebalance-rate", "1000"}
		f := startFleet(t, r, 2, flags...)
		createMany(t, f.url(0), 270)
		for i := range 30 {
			d := draft(fmt.Sprint("fixed", i))
			d["labels"] = map[string]string{"disruption": "never"}
			call(t, "POST", f.url(0)+"/v1/sessions", d).want(t, 201)
		}
		f.nodes = append(f.nodes, startNode(t, r, f.prefix, "node-3", flags...))
		eventually(t, 30*time.Second, func() string {
			if c := counts(t, f.url(0)); c["node-1"] != 100 || c["node-2"] != 100 || c["node-3"] != 100 {
				return fmt.Sprintf("counts %v", c)
			}
			return ""
		})
		moved := 0
		for _, s := range listAll(t, f.url(1), "") {
			if s.Epoch > 2 || s.Epoch == 2 && (s.Owner != "node-3" || s.Labels["disruption"] == "never") {
				t.Fatalf("%+v", s)
			}
			if s.Epoch == 2 {
				moved++
			}
		}
		if moved > 101 {
			t.Fatalf("%d sessions moved, 100 would do", moved)
		}
		t.Logf("measured rebalance after a join: %d moved, the least is 100", moved)
	})
}

// Nothing moves by itself where the rate is 0; asked for, it is told first and then done, and nothing moves twice in a minute.
func TestRebalanceOnDemand(t *testing.T) {
	t.Parallel()
	r := redistest.Shared(t)
	flags := []string{"--gossip-interval", "300ms", "--heartbeat-timeout", "1500ms", "--rebalance-rate", "0"}
	f := startFleet(t, r, 1, flags...)
	createMany(t, f.url(0), 60)
	f.nodes = append(f.nodes, startNode(t, r, f.prefix, "node-2", flags...))
	awaitNodes(t, f.url(0), 2)
	p := read[rebalance](t, call(t, "POST", f.url(1)+"/v1/rebalance?dryRun=true", nil).want(t, 200))
	if !p.DryRun || p.Moves != 30 || len(p.Sessions) != 30 || p.Sessions[0].From != "node-1" || p.Nodes[0].Give != 30 || p.Nodes[0].Movable != 30 {
		t.Fatalf("%+v", p)
	}
	if c := counts(t, f.url(0)); c["node-1"] != 60 {
		t.Fatalf("a dry run moved sessions: %v", c)
	}
	if p = read[rebalance](t, call(t, "POST", f.url(1)+"/v1/rebalance", nil).want(t, 202)); p.DryRun || p.Moves != 30 {
		t.Fatalf("%+v", p)
	}
	eventually(t, 60*time.Second, func() string {
		if c := counts(t, f.url(0)); c["node-1"] != 30 || c["node-2"] != 30 {
			return fmt.Sprintf("counts %v", c)
		}
		return ""
	})
	// The sessions that have just moved are all that node-2 could give: none of them may.
	for _, s := range listAll(t, f.url(0), "&owner=node-1") {
		call(t, "DELETE", f.url(0)+"/v1/sessions/"+s.ID, nil).want(t, 204)
	}
	eventually(t, 20*time.Second, func() string {
		p = read[rebalance](t, call(t, "POST", f.url(0)+"/v1/rebalance?dryRun=true", nil).want(t, 200))
		if p.Moves == 15 && p.Nodes[1].Give == 15 && p.Nodes[1].Movable == 0 && len(p.Sessions) == 0 {
			return ""
		}
		return fmt.Sprintf("%+v", p)
	})
}
