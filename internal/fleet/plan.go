package fleet

import (
	"cmp"
	"math"
	"slices"

	"orchestrator/internal/session"
)

// plan says how many sessions each live node should own: in proportion to its weight, within its maxSessions, with the fewest moves.
// Nodes that take no sessions keep what they have.
func plan(nodes []session.Node) []session.RebalanceNode {
	var parts []session.RebalanceNode
	var open []sharer
	total := 0
	for _, n := range nodes {
		if n.State == session.Dead {
			continue
		}
		parts = append(parts, session.RebalanceNode{Node: n.Node, Sessions: n.Sessions, Target: n.Sessions})
		if n.Takes() {
			open = append(open, sharer{n, len(parts) - 1})
			total += n.Sessions
		}
	}
	for len(open) > 0 {
		full := slices.IndexFunc(open, func(sh sharer) bool { return sh.of(total, open) > float64(sh.MaxSessions) })
		if full < 0 {
			break
		}
		parts[open[full].part].Target = open[full].MaxSessions
		total -= open[full].MaxSessions
		open = slices.Delete(open, full, full+1)
	}
	round(parts, open, total)
	return parts
}

// sharer is a node among those that share what is left.
type sharer struct {
	session.Node
	part int
}

// of is a node's share of total, not rounded.
func (sh sharer) of(total int, among []sharer) float64 {
	weights := 0.0
	for _, other := range among {
		weights += other.Weight
	}
	return float64(total) * sh.Weight / weights
}

// round gives each its share in whole sessions. What rounding leaves over goes to those that have most beyond their share: they need not
// give it away.
func round(parts []session.RebalanceNode, open []sharer, total int) {
	rest := total
	for _, sh := range open {
		parts[sh.part].Target = int(math.Floor(sh.of(total, open) + 1e-9))
		rest -= parts[sh.part].Target
	}
	slices.SortStableFunc(open, func(a, b sharer) int {
		return cmp.Compare(parts[b.part].Give()-parts[b.part].Lack(), parts[a.part].Give()-parts[a.part].Lack())
	})
	for rest > 0 {
		before := rest
		for _, sh := range open {
			if p := &parts[sh.part]; rest > 0 && p.Target < sh.MaxSessions {
				p.Target++
				rest--
			}
		}
		if rest == before {
			return // more sessions than room: those that have them keep them
		}
	}
}
