package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"orchestrator/internal/balancer"
	"orchestrator/internal/keyspace"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// countLooks is how often a count is compared before it is called wrong: sessions come and go between two looks.
const countLooks = 3

// fleet looks at what the fleet's keys say, and at its sessions.
func (e *exam) fleet(ctx context.Context) {
	s, err := registry.Inspect(ctx, e.redis, e.keys)
	if err != nil {
		e.unread("meta", err)
		return
	}
	if !e.meta(s.Meta) {
		return
	}
	e.nodes(s)
	e.recovery(s)
	store, err := sessionstore.New(e.redis, e.keys, sessionstore.Config{ReplicationFactor: e.cfg.ReplicationFactor})
	if err != nil {
		e.unread("counts", err)
		return
	}
	e.counts(ctx, store, s.View)
	if e.cfg.Sessions {
		e.sessions(ctx, store, s.View)
	}
}

// meta compares what the fleet agreed on with what is configured, and reports whether the fleet can be looked into. Where it has another number of
// partitions, it is looked into by its own.
func (e *exam) meta(m registry.Meta) (readable bool) {
	key := e.keys.Meta()
	own, err := keyspace.New(e.cfg.Prefix, m.Partitions)
	switch {
	case m == registry.Meta{}:
		e.tell(OK, "meta", "no fleet yet at "+key, "")
		return false
	case m.Schema != registry.Schema:
		e.tell(Fail, "meta", fmt.Sprintf("the fleet at %s has schema %d, this program knows %d", key, m.Schema, registry.Schema), "use the fleet's version of this program")
		return false
	case err != nil:
		e.tell(Fail, "meta", fmt.Sprintf("the fleet at %s cannot have %d partitions: %v", key, m.Partitions, err), "restore it from a backup")
		return false
	case m.Partitions != e.cfg.Partitions:
		e.keys = own
		e.tell(Fail, "meta", fmt.Sprintf("the fleet at %s has %d partitions, %d are configured: nodes refuse to start so", key, m.Partitions, e.cfg.Partitions),
			fmt.Sprintf("set partitions to %d, it cannot be changed", m.Partitions))
	case m.ReplicationFactor != e.cfg.ReplicationFactor:
		e.tell(Warn, "meta", fmt.Sprintf("the fleet began with replicationFactor %d, %d is configured", m.ReplicationFactor, e.cfg.ReplicationFactor),
			"give all nodes the same")
	default:
		e.tell(OK, "meta", fmt.Sprintf("%d partitions, replicationFactor %d", m.Partitions, m.ReplicationFactor), "")
	}
	return true
}

func (e *exam) nodes(s registry.Standing) {
	states := map[session.NodeState]int{}
	for _, n := range s.View.Nodes() {
		states[n.State]++
		if n.Quarantine != "" && n.State != session.Dead {
			e.tell(Warn, "nodes", fmt.Sprintf("%s is quarantined: %s", n.Node, n.Quarantine), "see that its peers reach its advertised host and port")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Unreadable)) {
		e.tell(Warn, "nodes", key+" cannot be read: "+s.Unreadable[key], "restart that node; if it is none of the fleet's, find out who writes there")
	}
	total := fmt.Sprintf("%d registered: %d ready, %d cordoned, %d draining", len(s.View.Nodes())-states[session.Dead],
		states[session.Ready], states[session.Cordoned], states[session.Draining])
	if states[session.Ready] == 0 {
		e.tell(Warn, "nodes", total, "start a node, or uncordon one: no session can be made or taken over")
		return
	}
	e.tell(OK, "nodes", total, "")
}

func (e *exam) recovery(s registry.Standing) {
	var dead []string
	for _, h := range s.Dead {
		dead = append(dead, string(h.Node))
	}
	for _, n := range s.View.Nodes() {
		if n.State == session.Dead {
			dead = append(dead, string(n.Node))
		}
	}
	if len(dead) > 0 {
		e.tell(Warn, "recovery", "dead, and not recovered yet: "+listed(dead), fmt.Sprintf(
			"look again after heartbeatTimeout (%s) and a second; if it stays, see that a node runs and has room (maxSessions)", e.cfg.HeartbeatTimeout))
	} else {
		e.tell(OK, "recovery", "nobody is dead", "")
	}
	if s.Braking {
		e.tell(Warn, "brake", "more than half of the nodes were gone at once: nobody is declared dead for a while",
			fmt.Sprintf("find out what they share that failed, a network or a host; the brake lets go a heartbeatTimeout (%s) after they are back", e.cfg.HeartbeatTimeout))
	} else {
		e.tell(OK, "brake", "off", "")
	}
}

// counts compares the live counts, by which owners are chosen, with the sessions that homes say are owned. While placements are under way a count
// may be as much higher.
func (e *exam) counts(ctx context.Context, store *sessionstore.Store, view registry.View) {
	placer, err := balancer.New(e.redis, e.keys, balancer.Config{})
	if err != nil {
		e.unread("counts", err)
		return
	}
	counted, err := placer.Counts(ctx)
	if err != nil {
		e.unread("counts", err)
		return
	}
	var wrong []string
	sum := 0
	for _, node := range slices.Sorted(maps.Keys(withNodes(counted, view))) {
		owned, counts, err := compare(ctx, placer, store, node)
		if err != nil {
			e.unread("counts", err)
			return
		}
		if sum += owned; counts != owned {
			wrong = append(wrong, fmt.Sprintf("%s counts %d and owns %d", node, counts, owned))
		}
	}
	if len(wrong) > 0 {
		e.tell(Warn, "counts", strings.Join(wrong, "; "), "none if a node runs: its sync rounds set them right; if they stay, see its log")
		return
	}
	e.tell(OK, "counts", count(sum, "session")+" owned, and counted so", "")
}

func withNodes(counted map[session.NodeID]int, view registry.View) map[session.NodeID]int {
	for _, n := range view.Nodes() {
		counted[n.Node] = n.Sessions
	}
	return counted
}

// compare returns how many sessions a node owns and how many are counted; the same number where what is under way may make the difference.
func compare(ctx context.Context, placer *balancer.Balancer, store *sessionstore.Store, node session.NodeID) (owned, counts int, err error) {
	for range countLooks {
		snap, err := placer.Snapshot(ctx, node)
		if err != nil {
			return 0, 0, err
		}
		if owned, err = store.Count(ctx, node); err != nil {
			return 0, 0, err
		}
		if counts = snap.Load; owned <= counts && counts <= owned+snap.Attempts {
			return owned, owned, nil
		}
	}
	return owned, counts, nil
}
