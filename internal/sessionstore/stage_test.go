package sessionstore

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// stage runs actors one at a time: an actor goes on from one command to the next only when the stage lets it, so that a seed
// decides every interleaving.
type stage struct {
	dice   *rand.Rand
	now    int // the number of steps so far
	actors []*actor
	yield  chan struct{} // the actor that was let go has parked again, or ended
	log    func(format string, args ...any)
}

func newStage(seed uint64, log func(string, ...any)) *stage {
	return &stage{dice: rand.New(rand.NewPCG(seed, 99)), yield: make(chan struct{}), log: log}
}

// actor is one request that a node works on.
type actor struct {
	*stage
	name   string
	let    chan fate
	cancel context.CancelFunc
	at     string // the command it is parked at
	script bool   // ... is a script call
	asleep int    // it is not chosen before this step
	done   bool
}

type actorKey struct{}

// actorOf returns the actor that a command belongs to, or nil.
func actorOf(ctx context.Context) *actor {
	a, _ := ctx.Value(actorKey{}).(*actor)
	return a
}

// spawn adds an actor that will run f. Nothing of f has run when it returns.
func (s *stage) spawn(ctx context.Context, name string, f func(ctx context.Context)) *actor {
	ctx, cancel := context.WithCancel(ctx)
	a := &actor{stage: s, name: fmt.Sprintf("%d:%s", len(s.actors), name), let: make(chan fate), cancel: cancel, at: "start"}
	a.asleep = s.now + s.dice.IntN(40)
	s.actors = append(s.actors, a)
	ctx = context.WithValue(ctx, actorKey{}, a)
	go func() {
		<-a.let
		if ctx.Err() == nil {
			f(ctx)
		}
		a.done = true
		s.yield <- struct{}{}
	}()
	return a
}

// park waits until the stage lets the actor go on, and returns what is to become of the command it stands at.
func (a *actor) park(at string, script bool) fate {
	a.at, a.script = at, script
	a.yield <- struct{}{}
	return <-a.let
}

// advance lets an actor go on to its next command, or to its end.
func (s *stage) advance(a *actor, f fate) {
	s.log("%4d %-18s %-9s %s", s.now, a.name, f, a.at)
	a.let <- f
	<-s.yield
	if a.done {
		a.cancel()
	}
}

// kill ends an actor at the command it stands at; that command never runs.
func (s *stage) kill(a *actor) {
	s.log("%4d %-18s KILLED", s.now, a.name)
	a.cancel()
	s.advance(a, requestLost)
}

// awake lists the actors that may go on; when all are asleep time jumps to the next one's awakening. None: all have ended.
func (s *stage) awake() []*actor {
	next, ready := -1, []*actor(nil)
	for _, a := range s.actors {
		switch {
		case a.done:
		case a.asleep <= s.now:
			ready = append(ready, a)
		case next < 0 || a.asleep < next:
			next = a.asleep
		}
	}
	if len(ready) == 0 && next >= 0 {
		s.now = next
		return s.awake()
	}
	return ready
}
