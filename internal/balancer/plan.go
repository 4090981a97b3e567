package balancer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"orchestrator/internal/session"
)

// groupLimit bounds the candidates of one script call. A fleet of more nodes is asked in groups.
const groupLimit = 64

// workLimit bounds candidates times attempts of one script call, for Redis serves nobody else meanwhile.
const workLimit = 8000

// candidate is a node that may take a session; lower tiers are tried first.
type candidate struct {
	session.Node
	tier int
}

// plan is the work on one request.
type plan struct {
	balancer   *Balancer
	request    Request
	candidates []candidate
	got        map[string]Placed                            // by attempt
	passed     map[session.NodeID]string                    // why a node was passed over
	counts     map[session.NodeID]struct{ used, limit int } // of the nodes that take sessions
	crowds     map[session.NodeID]float64                   // what the script compares; nil: it is to place the sessions, not to tell
}

func (b *Balancer) newPlan(req Request) *plan {
	p := &plan{balancer: b, request: req, got: map[string]Placed{}, passed: map[session.NodeID]string{},
		counts: map[session.NodeID]struct{ used, limit int }{}}
	for _, n := range req.Candidates {
		if why := p.unfit(n); why != "" {
			p.passed[n.Node] = why
			continue
		}
		p.candidates = append(p.candidates, candidate{n, p.tier(n)})
	}
	slices.SortFunc(p.candidates, func(a, b candidate) int { return cmp.Compare(a.Node.Node, b.Node.Node) })
	return p
}

// unfit judges what the script cannot know. Whether the node is ready is the script's to say: the view may be old.
func (p *plan) unfit(n session.Node) string {
	switch {
	case p.request.Only != "" && n.Node != p.request.Only:
		return "is not the node asked for"
	case n.Node == p.request.Avoid:
		return "is the node to avoid"
	case n.State == session.Dead:
		return "is dead"
	}
	return ""
}

func (p *plan) tier(n session.Node) int {
	prefer := p.request.Prefer
	switch {
	case prefer.Node != "" && n.Node == prefer.Node:
		return 0
	case prefer.Zone != "" && n.Zone == prefer.Zone:
		return 1
	}
	return 2
}

// place finds nodes for one batch of attempts. Consistent hashing over more candidates than one call takes asks for each
// attempt alone, for each has its own order of them.
func (p *plan) place(ctx context.Context, attempts []Attempt) error {
	if len(p.candidates) > groupLimit && p.balancer.cfg.Strategy == ConsistentHash {
		for _, a := range attempts {
			if err := p.placeIn(ctx, p.byRank(a.Session), []Attempt{a}); err != nil {
				return err
			}
		}
		return nil
	}
	return p.placeIn(ctx, p.byLoad(), attempts)
}

// batch is how many attempts one call may carry.
func (p *plan) batch() int {
	return min(callLimit, workLimit/max(1, min(len(p.candidates), groupLimit)))
}

// placeIn tries one group of candidates after the other until every attempt is placed.
func (p *plan) placeIn(ctx context.Context, candidates []candidate, attempts []Attempt) (err error) {
	for group := range slices.Chunk(candidates, groupLimit) {
		if attempts, err = p.call(ctx, group, attempts); err != nil || len(attempts) == 0 {
			return err
		}
	}
	return nil
}

// byLoad puts the candidates that are likely to be chosen into the first group. One group keeps the order of ids, in which
// the nodes take turns.
func (p *plan) byLoad() []candidate {
	if len(p.candidates) <= groupLimit {
		return p.candidates
	}
	sorted := slices.Clone(p.candidates)
	slices.SortStableFunc(sorted, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(a.crowd(), b.crowd()))
	})
	return sorted
}

// crowd is how full a node looks; those that take nothing look fullest.
func (c candidate) crowd() float64 {
	full := 0.0
	if !c.Takes() || c.Sessions >= c.MaxSessions {
		full = 1e12
	}
	return full + float64(c.Sessions)/c.Weight
}

func (p *plan) byRank(id session.ID) []candidate {
	nodes := make([]session.Node, len(p.candidates))
	for i, c := range p.candidates {
		nodes[i] = c.Node
	}
	sorted := make([]candidate, len(nodes))
	for i, at := range rank(id, nodes, true) {
		sorted[i] = p.candidates[at]
	}
	slices.SortStableFunc(sorted, func(a, b candidate) int { return cmp.Compare(a.tier, b.tier) })
	return sorted
}

// placed returns what was placed, in the order of the attempts.
func (p *plan) placed() []Placed {
	out := make([]Placed, 0, len(p.got))
	for _, a := range p.request.Attempts {
		if at, ok := p.got[a.Key]; ok {
			out = append(out, at)
		}
	}
	return out
}

// saw notes what the script found of a candidate: "count|limit|state".
func (p *plan) saw(id session.NodeID, text string) {
	part := strings.SplitN(text, "|", 3)
	if len(part) != 3 {
		return
	}
	used, _ := strconv.Atoi(part[0])
	limit, _ := strconv.Atoi(part[1])
	delete(p.counts, id)
	switch state := part[2]; state {
	case string(session.Ready):
		p.counts[id] = struct{ used, limit int }{used, limit}
		p.passed[id] = fmt.Sprintf("is full: %d of %d sessions", used, limit)
	case "gone":
		p.passed[id] = "has no registration"
	case "replaced":
		p.passed[id] = "was started again a moment ago"
	case "unreadable":
		p.passed[id] = "has a registration that cannot be read: " + p.balancer.keys.Node(id)
	default:
		p.passed[id] = "is " + state
	}
}

// refusal explains why not every attempt was placed.
func (p *plan) refusal() error {
	refusal := &session.NoCapacityError{}
	for _, c := range p.counts {
		refusal.Used += c.used
		refusal.Limit += c.limit
	}
	for id, why := range p.passed {
		refusal.Nodes = append(refusal.Nodes, session.PassedOver{Node: id, Reason: why})
	}
	slices.SortFunc(refusal.Nodes, func(a, b session.PassedOver) int { return cmp.Compare(a.Node, b.Node) })
	return refusal
}
