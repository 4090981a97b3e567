package balancer

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"orchestrator/internal/session"
)

// place is one session's part in the model of returns.
type place struct {
	formerly        bool // owned by the dead incarnation, else by the present one
	arrives, leaves bool // recorded: the two ends of a return
	settles         bool // the takeover has ended, one way or the other; the ends are settled as it went
	came            bool
}

// returning is one node that takes back what its former incarnation owned while others create and delete sessions there.
type returning struct {
	bench
	node    session.Node
	owned   map[session.ID]*place
	created map[string]session.ID // attempts under way for new sessions
	twice   int                   // how many ends of returns the count still holds
}

// TestReturnsKeepTheCap runs the steps of returns, creates and deletes in random order. rapid prints the seed.
func TestReturnsKeepTheCap(t *testing.T) {
	t.Parallel()
	b := embedded(t)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		limit := rapid.IntRange(1, 8).Draw(rt, "limit")
		n := named(fmt.Sprintf("r%d", run), limit)
		n.Sessions = rapid.IntRange(0, limit).Draw(rt, "sessions")
		strategy := rapid.SampledFrom(strategies).Draw(rt, "strategy")
		r := returning{b.using(Config{Strategy: strategy}), b.register(n), map[session.ID]*place{}, map[string]session.ID{}, 0}
		for _, id := range sessionsOf(attempts(n.Sessions)) {
			r.owned[id] = &place{formerly: true}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"return": r.back, "announce": r.announce, "take over": r.takeOver, "settle": r.settle,
			"create": r.create, "end create": r.endCreate, "delete": r.remove, "": r.check,
		})
		for len(r.created) > 0 {
			r.endCreate(rt)
		}
		for _, id := range r.ids(func(p *place) bool { return p.arrives || p.leaves }) {
			for _, departure := range []bool{true, false} {
				r.tell(rt, id, r.owned[id], departure)
			}
		}
		if got := b.snapshot(n.Node); got.Load != len(r.owned) || len(got.Reservations) != 0 {
			rt.Fatalf("in the end it counts %d, owns %d, %d are under way", got.Load, len(r.owned), len(got.Reservations))
		}
	})
}

func (r *returning) ids(fit func(*place) bool) (ids []session.ID) {
	for _, id := range slices.Sorted(maps.Keys(r.owned)) {
		if fit(r.owned[id]) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (r *returning) one(rt *rapid.T, fit func(*place) bool) (session.ID, *place) {
	ids := r.ids(fit)
	if len(ids) == 0 {
		rt.Skip("none")
	}
	id := rapid.SampledFrom(ids).Draw(rt, "session")
	return id, r.owned[id]
}

// back reserves for several sessions at once, some of them perhaps for the second time, and some creates among them.
func (r *returning) back(rt *rapid.T) {
	ids := r.ids(func(p *place) bool { return p.formerly && !p.settles })
	if len(ids) == 0 {
		rt.Skip("none")
	}
	ids = rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 1, len(ids), rapid.ID).Draw(rt, "sessions")
	asked := append(returns(r.node.Node, ids), attempts(rapid.IntRange(0, 2).Draw(rt, "creates"))...)
	placed := r.reserve(Request{Attempts: asked, Candidates: []session.Node{r.node}})
	for _, p := range placed {
		if p.From == "" {
			r.created[p.Key] = p.Session
		} else if at := r.owned[p.Session]; !at.arrives {
			at.arrives = true
			r.twice++
		}
	}
	for _, id := range ids {
		if !r.owned[id].arrives {
			rt.Fatalf("%s may not return, with %d of %d sessions", id, len(r.owned), r.node.MaxSessions)
		}
	}
}

func (r *returning) announce(rt *rapid.T) {
	id, p := r.one(rt, func(p *place) bool { return p.formerly && !p.leaves && !p.settles })
	if err := r.Leaving(r.t.Context(), departures(r.node.Node, []session.ID{id})...); err != nil {
		rt.Fatal(err)
	}
	p.leaves = true
}

func (r *returning) takeOver(rt *rapid.T) {
	_, p := r.one(rt, func(p *place) bool { return p.arrives && p.leaves && !p.settles })
	p.settles, p.came = true, rapid.Bool().Draw(rt, "came")
	p.formerly = !p.came
}

func (r *returning) settle(rt *rapid.T) {
	id, p := r.one(rt, func(p *place) bool { return p.settles })
	for _, departure := range rapid.Permutation([]bool{true, false}).Draw(rt, "order")[:rapid.IntRange(1, 2).Draw(rt, "ends")] {
		r.tell(rt, id, p, departure)
	}
}

// tell settles one end of a return.
func (r *returning) tell(rt *rapid.T, id session.ID, p *place, departure bool) {
	o := Outcome{"return-" + string(id), id, r.node.Node, p.came}
	recorded := &p.arrives
	if departure {
		o, recorded = Outcome{"depart-" + string(id), id, r.node.Node, !p.came}, &p.leaves
	}
	if err := r.Settle(r.t.Context(), o); err != nil {
		rt.Fatal(err)
	}
	if *recorded && !o.Kept {
		r.twice--
	}
	*recorded = false
	if !p.arrives && !p.leaves {
		p.settles, p.came = false, false
	}
}

func (r *returning) create(rt *rapid.T) {
	asked := attempts(rapid.IntRange(1, 3).Draw(rt, "n"))
	for _, p := range r.reserve(Request{Attempts: asked, Candidates: []session.Node{r.node}}) {
		r.created[p.Key] = p.Session
	}
}

func (r *returning) endCreate(rt *rapid.T) {
	if len(r.created) == 0 {
		rt.Skip("none")
	}
	key := rapid.SampledFrom(slices.Sorted(maps.Keys(r.created))).Draw(rt, "create")
	o := Outcome{key, r.created[key], r.node.Node, rapid.Bool().Draw(rt, "came")}
	if err := r.Settle(r.t.Context(), o); err != nil {
		rt.Fatal(err)
	}
	if o.Kept {
		r.owned[o.Session] = &place{}
	}
	delete(r.created, key)
}

// remove deletes a session that the present incarnation owns.
func (r *returning) remove(rt *rapid.T) {
	id, _ := r.one(rt, func(p *place) bool { return !p.formerly && !p.arrives && !p.leaves })
	key := "delete-" + string(id)
	if err := r.Leaving(r.t.Context(), Departure{id, key, r.node.Node}); err != nil {
		rt.Fatal(err)
	}
	if err := r.Settle(r.t.Context(), Outcome{key, id, r.node.Node, false}); err != nil {
		rt.Fatal(err)
	}
	delete(r.owned, id)
}

func (r *returning) check(rt *rapid.T) {
	if n := len(r.owned) + len(r.created); n > r.node.MaxSessions {
		rt.Fatalf("%d sessions owned or under way, of %d", n, r.node.MaxSessions)
	}
	if got, want := r.snapshot(r.node.Node).Load, len(r.owned)+len(r.created)+r.twice; got != want {
		rt.Fatalf("it counts %d, want %d", got, want)
	}
}
