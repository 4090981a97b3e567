package chaos

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"orchestrator/integration/harness"
)

// Scenario is a fleet under load, and what goes wrong with it.
type Scenario struct {
	Name string
	Site func(t testing.TB) site
	// Play lets things go wrong, one after the other; what is over when it returns.
	Play func(w *world, r *rand.Rand)
	// Least is how long the load goes on at least: Play is repeated until then.
	Least   time.Duration
	Seed    uint64
	Clients int             // 6 unless said
	Readers int             // further clients that do nothing but eventual reads
	Among   int             // how many sessions they share; sessionCount unless said
	Think   time.Duration   // average pause of a client between calls; 10 ms unless said
	Mix     Mix             // usual unless said
	Binary  string          // the program; empty: as shipped
	Clocks  []harness.Clock // of the nodes; true ones unless said
	Unseen  bool            // no client may meet an error
	Settled bool            // the fleet evens out no load by itself, so that no session may move unless a node dies or a client asks
}

// Result is what a run saw.
type Result struct {
	Scenario Scenario
	Ops      []Op
	Beliefs  []belief
	Marks    []mark
	Found    findings
	Proofs   []proof
	Logs     map[string][]string // by node
	Began    time.Time
}

// source returns the run's own random numbers for one purpose.
func (s Scenario) source(purpose string) *rand.Rand {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, s.Name, "/", purpose)
	return rand.New(rand.NewPCG(s.Seed, h.Sum64()))
}

func (s *Scenario) defaults() {
	if s.Clients == 0 {
		s.Clients = 6
	}
	if s.Among == 0 {
		s.Among = sessionCount
	}
	if s.Think == 0 {
		s.Think = 10 * time.Millisecond
	}
	if s.Mix == (Mix{}) {
		s.Mix = usual
	}
}

// Run plays the scenario and holds what was seen against every promise.
func (s Scenario) Run(t testing.TB) Result {
	t.Helper()
	s.defaults()
	w := newWorld(t, s.Site(t), s)
	h := &History{}
	w.pool.want = s.Among
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var load sync.WaitGroup
	for i := range s.Clients + s.Readers {
		load.Go(func() { s.client(w, i, h).run(ctx) })
	}
	caps := &capWatch{}
	load.Go(func() { caps.run(ctx, w.urls()) })

	for _, n := range w.nodes {
		f := newFollower(n.Name(), n.URL(), w.since)
		if len(s.Clocks) > 0 {
			f.ahead = s.Clocks[len(w.followers)].Ahead
		}
		w.followers = append(w.followers, f)
		load.Go(func() { f.run(ctx) })
	}

	s.warm(w)
	r := s.source("nemesis")
	for began := time.Now(); ; lull(r, 500*time.Millisecond) {
		s.Play(w, r)
		if time.Since(began) >= s.Least || t.Failed() || len(w.found) > 0 {
			break
		}
		w.rest()
	}
	w.note("the load ends")
	stop()
	load.Wait()
	w.readAll(h)
	w.found = append(w.found, caps.found...)
	beliefs := checkFollowers(w.followers, &w.found)
	w.checkFleet()
	if s.Settled {
		w.stayedPut(h.Ops())
	}
	if s.Unseen {
		w.unseen(h.Ops())
	}
	found, proofs := checkHistory(h.Ops(), w.reshaped)
	return Result{s, h.Ops(), beliefs, w.marks, append(w.found, found...), proofs, w.logs(), w.began}
}

// client returns the load's client number i.
func (s Scenario) client(w *world, i int, h *History) *client {
	mix := s.Mix
	if i >= s.Clients {
		mix = Mix{Eventual: 100}
	}
	return &client{
		id: i, rng: s.source(fmt.Sprint("client ", i)), mix: mix, think: s.Think, urls: w.urls(), names: w.names(), pool: w.pool, history: h,
		since: w.since, http: newHTTP(clientTimeout), beliefs: map[string]State{},
	}
}

// warm waits until the clients have made all sessions and used them for a moment.
func (s Scenario) warm(w *world) {
	err := await(healLimit, func() error {
		if w.pool.size() < s.Among {
			return fmt.Errorf("%d of %d sessions are made", w.pool.size(), s.Among)
		}
		return nil
	})
	if err != nil {
		w.t.Fatalf("chaos: %v", err)
	}
	lull(s.source("warm"), time.Second)
}

// readAll reads every session that ever was through every node: the last word on each.
func (w *world) readAll(h *History) {
	c := newHTTP(clientTimeout)
	defer c.CloseIdleConnections()
	for id := range bySession(h.Ops()) {
		for i, n := range w.nodes {
			var last Op
			err := await(healLimit, func() error {
				last = Op{Client: 100 + i, Kind: Read, Session: id, Node: n.Name(), Call: w.since()}
				a, err := send(context.Background(), c, "GET", n.URL()+"/v1/sessions/"+id, nil, nil)
				last.Return = w.since()
				last.settle(a, err)
				if last.Outcome == Unknown {
					return fmt.Errorf("read %s through %s: %s", id, n.Name(), last)
				}
				return nil
			})
			if err != nil {
				w.found.add(Healed, id, "%v", err)
			}
			h.Add(last)
		}
	}
}

// logs returns the nodes' log lines of note.
func (w *world) logs() map[string][]string {
	all := map[string][]string{}
	for _, n := range w.nodes {
		for _, line := range n.LogLines() {
			if !strings.Contains(line, "level=DEBUG") && !strings.Contains(line, "msg=request") {
				all[n.Name()] = append(all[n.Name()], line)
			}
		}
	}
	return all
}
