package chaos

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"orchestrator/integration/harness"
	"orchestrator/internal/session"
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
	Excused  []Op   // those of which one may be lost
	Losses   []span // because of these
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
	h := w.history
	w.pool.want = s.Among
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var load sync.WaitGroup
	for i := range s.Clients + s.Readers {
		load.Go(func() { s.client(w, i).run(ctx) })
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

	listening, hush := context.WithCancel(t.Context())
	defer hush()
	var ears sync.WaitGroup
	listeners := s.listeners(w)
	for _, l := range listeners {
		ears.Go(func() { l.run(listening) })
	}

	s.warm(w)
	masters := w.masters()
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
	w.readAll()
	w.replaced(masters)
	told, unsure := excused(h.Ops(), w.losses)
	for _, l := range listeners {
		l.check(told, &w.found, healLimit)
	}
	hush()
	ears.Wait()
	w.found = append(w.found, caps.found...)
	beliefs := checkFollowers(w.followers, &w.found)
	w.checkFleet()
	if s.Settled {
		w.stayedPut(h.Ops())
	}
	if s.Unseen {
		w.unseen(h.Ops())
	}
	found, proofs := checkHistory(told, w.reshaped)
	for id, of := range bySession(unsure) { // who owns a session is never in doubt
		checkOwners(id, append(of, bySession(told)[id]...), &found)
	}
	return Result{s, h.Ops(), unsure, w.losses, beliefs, w.marks, append(w.found, found...), proofs, w.logs(), w.began}
}

// client returns the load's client number i.
func (s Scenario) client(w *world, i int) *client {
	mix := s.Mix
	if i >= s.Clients {
		mix = Mix{Eventual: 100}
	}
	c := w.client(i, s.source(fmt.Sprint("client ", i)), mix)
	c.think = s.Think
	return c
}

// listenerCount is how many sessions' messages are followed at a time.
const listenerCount = 3

// listeners follow messages, if there are any in the mix.
func (s Scenario) listeners(w *world) (all []*listener) {
	for i := range listenerCount {
		if s.Mix.Publish > 0 {
			all = append(all, newListener(200+i, s.source(fmt.Sprint("listener ", i)), w))
		}
	}
	return all
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

// readAll reads every session that ever was through every node, and what lies beside it: the last word on each.
func (w *world) readAll() {
	c := newHTTP(clientTimeout)
	defer c.CloseIdleConnections()
	for id, of := range bySession(w.history.Ops()) {
		beside := slices.ContainsFunc(of, Op.changesBeside)
		for i, n := range w.nodes {
			ask := func(o Op, path string) Op { return w.ask(c, n, o, path) }
			o := Op{Client: 100 + i, Session: id, Node: n.Name()}
			o.Kind = Read
			if last := ask(o, "/v1/sessions/"+id); last.Outcome != OK || !beside {
				continue
			}
			o.Kind = GetContext
			ask(o, "/v1/sessions/"+id+"/context")
			o.Kind, o.Limit = Messages, session.MessagesKept
			for {
				page := ask(o, o.pagePath())
				if len(page.Page) < o.Limit {
					break
				}
				o.After = page.Page[o.Limit-1].ID
			}
		}
	}
}

// ask makes a call until its outcome is known.
func (w *world) ask(c *http.Client, n *harness.Process, o Op, path string) (last Op) {
	err := await(healLimit, func() error {
		last = o
		last.Call = w.since()
		a, err := send(context.Background(), c, "GET", n.URL()+path, nil, nil)
		last.Return = w.since()
		last.settle(a, err)
		if last.Outcome == Unknown {
			return fmt.Errorf("read %s through %s: %s", o.Session, n.Name(), last)
		}
		return nil
	})
	if err != nil {
		w.found.add(Healed, o.Session, "%v", err)
	}
	w.history.Add(last)
	return last
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
