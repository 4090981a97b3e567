package balancer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"orchestrator/internal/session"
)

// Explain tells which node a request's one attempt would get, and why each other is passed over. The script that places sessions says so,
// without raising or recording anything: what it tells is what it would have done at that moment. Where no node has room, the ranking
// comes with the *session.NoCapacityError that Reserve would give.
func (b *Balancer) Explain(ctx context.Context, req Request) (session.Ranking, error) {
	p := b.newPlan(req)
	p.crowds = map[session.NodeID]float64{}
	if err := p.place(ctx, req.Attempts[:1]); err != nil {
		return session.Ranking{}, err
	}
	ranking := p.ranking(req.Attempts[0])
	if ranking.Chosen == (session.Holder{}) {
		return ranking, p.refusal()
	}
	return ranking, nil
}

// deadline is how long the attempts stand; 0: the script is only to tell.
func (p *plan) deadline() time.Duration {
	if p.crowds != nil {
		return 0
	}
	return p.balancer.cfg.Deadline
}

// compared notes what the script compared of the candidates, where it was to tell.
func (p *plan) compared(group []candidate, reply any) bool {
	if p.crowds == nil {
		return true
	}
	list, _ := reply.([]any)
	if len(list) != 3 {
		return false
	}
	crowds := texts(list[2])
	for i, c := range group {
		if i >= len(crowds) || crowds[i] == "" {
			continue
		}
		crowd, err := strconv.ParseFloat(crowds[i], 64)
		if err != nil {
			return false
		}
		p.crowds[c.Node.Node] = crowd
	}
	return true
}

func (p *plan) ranking(a Attempt) session.Ranking {
	got := p.got[a.Key]
	r := session.Ranking{Strategy: string(p.balancer.cfg.Strategy), Wanted: p.request.Prefer, Chosen: got.Node}
	for _, n := range p.request.Candidates {
		c := session.Candidate{Node: n.Node, Sessions: n.Sessions, MaxSessions: n.MaxSessions, Weight: n.Weight, Takes: n.Takes()}
		crowd, ready := p.crowds[n.Node]
		if ready {
			c.Takes, c.Sessions, c.MaxSessions = true, p.counts[n.Node].used, p.counts[n.Node].limit
		} else if n.Weight > 0 {
			crowd = float64(n.Sessions) / n.Weight
		}
		if c.Score = crowd; p.balancer.cfg.Strategy == ConsistentHash {
			c.Score = score(a.Session, n, true)
		}
		if n.Node != got.Node.Node {
			c.PassedOver = p.passing(a, n, got.Node.Node)
			c.Takes = c.Takes && (ready || p.passed[n.Node] == "")
		}
		r.Candidates = append(r.Candidates, c)
	}
	slices.SortFunc(r.Candidates, func(a, b session.Candidate) int { return cmp.Compare(a.Node, b.Node) })
	return r
}

// passing says why a node was not chosen where another one was, or none.
func (p *plan) passing(a Attempt, n session.Node, chosen session.NodeID) string {
	crowd, ready := p.crowds[n.Node]
	limit := float64(p.counts[n.Node].limit)
	is := slices.IndexFunc(p.candidates, func(c candidate) bool { return c.Node.Node == chosen })
	switch {
	case p.passed[n.Node] == "":
		return "was not looked at: others come before it"
	case !ready || is < 0 || crowd*n.Weight+0.5 >= limit:
		return p.passed[n.Node]
	case p.tier(n) > p.candidates[is].tier:
		return "is not where the session would rather be"
	}
	switch p.balancer.cfg.Strategy {
	case RoundRobin:
		return "is not next in turn"
	case ConsistentHash:
		if score(a.Session, n, true) > score(a.Session, p.candidates[is].Node, true) {
			return "has its share of the sessions already"
		}
		return "comes later for this session by its hash"
	}
	if crowd > p.crowds[chosen] {
		return fmt.Sprintf("has more sessions for its weight: %.6g, where the chosen one has %.6g", crowd, p.crowds[chosen])
	}
	return "has as many sessions for its weight as the chosen one, which comes first for this session by its hash"
}
