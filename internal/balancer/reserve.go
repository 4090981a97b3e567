package balancer

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed reserve.lua
var reserveSource string

var reserveScript = redisx.NewScript("reserve", reserveSource)

// Attempt is one try to place one session.
type Attempt struct {
	Session session.ID
	Key     string         // unique: the same key is the same try, and gets the same node again
	From    session.NodeID // where the session is counted now, which needs no room to have it again; empty: nowhere
	Again   bool           // the caller's: its session may have come by an earlier change under this very attempt
}

// Request asks for a node for each of several attempts.
type Request struct {
	Attempts   []Attempt
	Candidates []session.Node    // from the registry's view; the script looks again at the state of each
	Prefer     session.Placement // tried first: the node, then the zone
	Only       session.NodeID    // nothing but this node will do; empty: any
	Avoid      session.NodeID    // this node will not do; empty: none
}

// Placed says which incarnation of which node an attempt got, and until when (by Redis's clock) its session must be there.
type Placed struct {
	Attempt
	Node  session.Holder
	Until time.Time
}

// Reserve chooses a node for each attempt and raises that node's live count. It returns what could be placed, in the order of
// the attempts; if that is not all, also a *session.NoCapacityError that says why each node was passed over. Each placed
// attempt must be settled. It returns a *session.UnavailableError where Redis does not answer: what is placed then, besides
// what is returned, gets the same nodes if it is asked for again, and otherwise ends with its deadline.
func (b *Balancer) Reserve(ctx context.Context, req Request) ([]Placed, error) {
	p := b.newPlan(req)
	for batch := range slices.Chunk(req.Attempts, p.batch()) {
		if err := p.place(ctx, batch); err != nil {
			return p.placed(), err
		}
	}
	placed := p.placed()
	if len(placed) < len(req.Attempts) {
		return placed, p.refusal()
	}
	return placed, nil
}

// call runs the script for attempts over one group of candidates. It returns those that found no room.
func (p *plan) call(ctx context.Context, group []candidate, attempts []Attempt) ([]Attempt, error) {
	b := p.balancer
	keys := []string{b.keys.Load(), b.keys.Reservations(), b.keys.Moves(), b.keys.Turn()}
	args := []any{string(b.cfg.Strategy), p.deadline().Milliseconds(), len(group)}
	nodes := make([]session.Node, len(group))
	for i, c := range group {
		nodes[i] = c.Node
		keys = append(keys, b.keys.Node(c.Node.Node), b.keys.Reserved(c.Node.Node))
		args = append(args, string(c.Node.Node), c.Incarnation, c.tier)
	}
	for _, a := range attempts {
		from := 1 + slices.IndexFunc(nodes, func(n session.Node) bool { return n.Node == a.From })
		args = append(args, a.Key, string(a.Session), from, orderText(rank(a.Session, nodes, b.cfg.Strategy == ConsistentHash)))
	}
	reply, err := b.redis.Run(ctx, reserveScript, keys, args...)
	if err != nil {
		return nil, err
	}
	placed, seen, ok := halves(reply, len(attempts), len(group))
	if ok = ok && p.compared(group, reply); !ok {
		return nil, unexpected(reserveScript, reply)
	}
	for i, c := range group {
		p.saw(c.Node.Node, seen[i])
	}
	return p.took(attempts, placed)
}

// took notes the placed attempts and returns the others.
func (p *plan) took(attempts []Attempt, placed []string) (rest []Attempt, err error) {
	for i, a := range attempts {
		if placed[i] == "" {
			rest = append(rest, a)
			continue
		}
		at, err := parsePlaced(a, placed[i])
		if err != nil {
			return nil, err
		}
		p.got[a.Key] = at
	}
	return rest, nil
}

func parsePlaced(a Attempt, text string) (Placed, error) {
	part := strings.Split(text, "|")
	if len(part) == 3 {
		if ms, err := strconv.ParseInt(part[2], 10, 64); err == nil {
			return Placed{a, session.Holder{Node: session.NodeID(part[0]), Incarnation: part[1]}, time.UnixMilli(ms).UTC()}, nil
		}
	}
	return Placed{}, unexpected(reserveScript, text)
}

// halves reads the script's first two lists of text.
func halves(reply any, first, second int) (a, b []string, ok bool) {
	list, _ := reply.([]any)
	if len(list) < 2 {
		return nil, nil, false
	}
	a, b = texts(list[0]), texts(list[1])
	return a, b, len(a) == first && len(b) == second
}

func texts(reply any) []string {
	list, _ := reply.([]any)
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = fmt.Sprint(v)
	}
	return out
}
