package chainmodel

import "iter"

// actor is one caller: a node working on a request, a reader, a sync round, or a request that is still on its way. It
// runs as a coroutine that pauses before every script call, so that the world decides which call comes next.
type actor struct {
	*stage
	world *World // nil where the records are not modelled
	name  string
	node  int
	done  bool
	began int // tick at which the request in hand began; -1 between requests

	next    func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	started func() // run once, at the first step
}

// crashed unwinds the coroutine of an actor that is stopped in mid-request.
type crashed struct{}

// spawn adds an actor that will run f. Nothing of f has run when it returns.
func (s *stage) spawn(name string, node int, f func(a *actor)) *actor {
	a := &actor{stage: s, name: name, node: node, began: -1}
	a.next, a.stop = iter.Pull(func(yield func(struct{}) bool) {
		defer a.unwind()
		a.yield = yield
		f(a)
	})
	s.actors = append(s.actors, a)
	return a
}

func (a *actor) unwind() {
	if e := recover(); e != nil {
		if _, ok := e.(crashed); !ok {
			panic(e)
		}
	}
}

// step pauses until the world lets the actor go on. A crash never returns from it.
func (a *actor) step() {
	if !a.yield(struct{}{}) {
		panic(crashed{})
	}
	if f := a.started; f != nil {
		a.started = nil
		f()
	}
}

// request marks where one request ends and the next begins.
func (a *actor) request() {
	a.began = -1
	a.step()
	a.began = a.now
}

// crash ends the actor where it stands. What it sent before stays sent.
func (a *actor) crash() {
	a.stop()
	a.done = true
}
