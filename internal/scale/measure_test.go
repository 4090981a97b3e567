//go:build unix

package scale

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/lease"
	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

var measure = flag.Bool("measure", false, "measure what calls cost, on real servers")

// TestCosts measures what the tables reckon with. It asserts nothing about figures.
func TestCosts(t *testing.T) {
	if !*measure {
		t.Skip("measures for minutes: give -measure")
	}
	redistest.Require(t)
	for _, value := range []int{64, 1024} {
		for _, owners := range []int{8, 125} {
			t.Run(fmt.Sprintf("hash-max-listpack-value=%d/owners=%d", value, owners), func(t *testing.T) { costsOfSessions(t, value, owners) })
		}
	}
	for _, n := range []int{10, 100, 1000} {
		t.Run(fmt.Sprintf("nodes=%d", n), func(t *testing.T) { costsOfNodes(t, n) })
	}
	t.Run("beats", costsOfBeats)
	t.Run("share", func(t *testing.T) {
		nodes := members(1000)
		meter{t: t}.rounds("1,000 nodes and partitions", 8, 512, func(int) { workers(nodes, 512) })
	})
}

const (
	costSessions   = 24_000
	costPartitions = 8 // so few that each index is as large as those of a large fleet: no listpack any more
)

func costsOfSessions(t *testing.T, listpackValue, owners int) {
	c := redistest.NewCluster(t, redistest.Replicas(0), redistest.NodeTimeout(time.Minute), redistest.Set("hash-max-listpack-value", strconv.Itoa(listpackValue)))
	m := meter{t: t}
	for _, n := range c.Nodes() {
		m.servers = append(m.servers, n.Admin(t))
	}
	client, keys := openAt(t, c, costPartitions)
	store, err := sessionstore.New(client, keys, sessionstore.Config{LeaseTTL: time.Hour, Settling: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	leases, err := lease.New(client, keys, lease.Config{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	fleet := members(owners)
	create(t, store, fleet, 500) // scripts are loaded, connections are open
	before := m.memory()
	m.rounds("create", 12, costSessions/12, func(int) { create(t, store, fleet, costSessions/12) })
	t.Logf("memory: %.0f bytes a session, all records, index, lease and owner's set", (m.memory()-before)/costSessions)
	ctx, per := t.Context(), costSessions/costPartitions
	var seen []session.Session
	m.rounds("audit", costPartitions, per, func(p int) {
		report, err := store.Audit(ctx, p, ids(fleet), func(is session.Session) { seen = append(seen, is) })
		if err != nil || report.CopiesRepaired+report.IndexRepaired+report.SharedMaster > 0 {
			t.Fatalf("%+v, %v", report, err)
		}
	})
	m.rounds("owned ids, in pages of 500", costPartitions, per, func(p int) { owned(t, store, fleet, p, nil) })
	m.rounds("owned ids and renewals", costPartitions, per, func(p int) { owned(t, store, fleet, p, leases) })
	m.rounds("takeover", 12, 500, func(i int) { takeOver(t, store, seen[500*i:][:500]) })
}

func create(t *testing.T, store *sessionstore.Store, fleet []session.Node, n int) {
	births := make([]sessionstore.Birth, 0, 500)
	for i := range n {
		id := store.NewID().InPartition(i/50%costPartitions, costPartitions) // as batches draw them
		d := session.Draft{Type: "agent", Name: fmt.Sprintf("session-%06d", i), Workspace: "workspace-1", Config: map[string]any{"prompt": strings.Repeat("x", 187)}}
		if err := d.Validate(); err != nil {
			t.Fatal(err)
		}
		births = append(births, sessionstore.Birth{ID: id, Draft: d, Owner: fleet[i%len(fleet)].Holder, Chain: store.ChainFor(id)})
		if len(births) == cap(births) {
			for _, res := range store.Create(t.Context(), births...) {
				if res.Err != nil {
					t.Fatal(res.Err)
				}
			}
			births = births[:0]
		}
	}
}

func ids(fleet []session.Node) []session.NodeID {
	out := make([]session.NodeID, len(fleet))
	for i, n := range fleet {
		out[i] = n.Node
	}
	return out
}

// owned reads which sessions of a partition each node owns, and renews their leases unless leases is nil.
func owned(t *testing.T, store *sessionstore.Store, fleet []session.Node, partition int, leases *lease.Manager) {
	for _, n := range fleet {
		for after, more := session.ID(""), true; more; more = after != "" {
			ids, next, err := store.Owned(t.Context(), partition, n.Node, after, 500)
			if err != nil {
				t.Fatal(err)
			}
			after = next
			if leases == nil {
				continue
			}
			if _, _, err := leases.Extend(t.Context(), n.Holder, ids); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func takeOver(t *testing.T, store *sessionstore.Store, sessions []session.Session) {
	batch := make([]sessionstore.Takeover, len(sessions))
	for i, is := range sessions {
		batch[i] = sessionstore.Takeover{ID: is.ID, From: is.Holder, To: session.Holder{Node: "heir", Incarnation: "i"}}
	}
	for _, res := range store.TakeOver(t.Context(), batch...) {
		if res.Err != nil {
			t.Fatal(res.Err)
		}
	}
}
