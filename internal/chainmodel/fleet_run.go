package chainmodel

import (
	"io"
	"math/rand/v2"
)

// RunLedger plays one random run of the live counts and checks it.
func RunLedger(r LedgerRules, seed uint64, log io.Writer) []Violation {
	d := rand.New(rand.NewPCG(seed, 79))
	f := newFleet(r)
	f.log, f.dice = log, randomDice{d}
	f.net = lossy{d, oneOf(d, 0, 3, 10), oneOf(d, 0, 3, 10)}
	for range 4 + d.IntN(12) {
		f.enterAssign(d.IntN(r.Sessions), d.IntN(4) == 0)
	}
	for range 4 {
		f.enterReconcile(d.IntN(nodes), 4)
	}
	f.play(d, oneOf(d, 0, 4, 20))
	f.finish()
	return f.Violations()
}

// enterAssign puts an attempt on the stage: to own the session anew, or to end it.
func (f *fleet) enterAssign(session int, end bool) *actor {
	f.nextAttempt += 2
	in, out := f.nextAttempt-1, f.nextAttempt
	return f.spawn("assign", 0, func(a *actor) {
		t := &assign{actor: a, fleet: f, session: session, in: in, out: out}
		t.run(end)
	})
}

func (f *fleet) enterReconcile(node, rounds int) *actor {
	return f.spawn("reconcile", 0, func(a *actor) {
		for range rounds {
			f.reconcile(a, node)
		}
	})
}

// play lets actors take steps in random order, with crashes, in thousandths, and sleeps.
func (f *fleet) play(d *rand.Rand, crashes int) {
	asleep := map[*actor]int{}
	for range 2000 {
		actors := f.awake()
		if len(actors) == 0 {
			return
		}
		switch a := actors[d.IntN(len(actors))]; {
		case f.now < asleep[a]:
			f.now++
		case d.IntN(40) == 0:
			asleep[a] = f.now + d.IntN(2*claimLife)
		case d.IntN(1000) < crashes:
			a.crash()
		default:
			f.advance(a)
			f.tracef("%s: accounts %v claims %v", a.name, f.ledger.accounts, f.ledger.claims)
			f.audit()
		}
	}
}

// finish ends the faults, lets every deadline pass, and asks two rounds of reconciliation to set everything right.
func (f *fleet) finish() {
	f.clear()
	f.net = perfect{}
	f.now += claimLife + 1
	for range 2 {
		for n := range nodes {
			f.alone(n)
		}
	}
	for n, a := range f.ledger.accounts {
		if a.load != f.owned(n) {
			f.report(Miscounted)
		}
	}
	if len(f.ledger.claims) > 0 {
		f.report(LeftClaims)
	}
	f.audit()
}

func (f *fleet) alone(node int) {
	for a := f.enterReconcile(node, 1); !a.done; {
		f.advance(a)
	}
}
