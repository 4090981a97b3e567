package chainmodel

import (
	"testing"

	"pgregory.net/rapid"
)

// TestLedgerHolds plays random runs of the live counts.
func TestLedgerHolds(t *testing.T) {
	t.Parallel()
	r := LedgerStandard()
	n := runs(t, 5000)
	for seed := *flagSeed; seed < *flagSeed+uint64(n); seed++ {
		if found := RunLedger(r, seed, nil); len(found) > 0 {
			t.Fatalf("seed %d: %v; %s", seed, found, howToSee(r.Name, seed))
		}
	}
}

// TestLedgerControls removes one guard of the live counts at a time.
func TestLedgerControls(t *testing.T) {
	t.Parallel()
	for _, c := range LedgerControls() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			seed, ok := HuntLedger(c.LedgerRules, c.Seed, c.Runs, c.Expect)
			if !ok {
				t.Fatalf("seeds %d to %d never show %q", c.Seed, c.Seed+uint64(c.Runs)-1, c.Expect)
			}
			t.Logf("seed %d shows %q", seed, c.Expect)
		})
	}
}

// drawnNetwork lets rapid choose the fate of every call.
type drawnNetwork struct{ t *rapid.T }

func (n drawnNetwork) fate() fate {
	return rapid.SampledFrom([]fate{delivered, delivered, delivered, resent, timedOut, doubled}).Draw(n.t, "fate")
}

// ledgerMachine is the live counts as a state machine that rapid drives and shrinks.
type ledgerMachine struct{ *fleet }

func (m ledgerMachine) enter(t *rapid.T) {
	m.enterAssign(rapid.IntRange(0, m.rules.Sessions-1).Draw(t, "session"), rapid.Bool().Draw(t, "end"))
}

func (m ledgerMachine) reconcileNode(t *rapid.T) {
	m.enterReconcile(rapid.IntRange(0, nodes-1).Draw(t, "node"), 1)
}

func (m ledgerMachine) step(t *rapid.T) {
	m.advance(m.someone(t))
}

func (m ledgerMachine) crash(t *rapid.T) { m.someone(t).crash() }

func (m ledgerMachine) wait(t *rapid.T) { m.now += rapid.IntRange(1, claimLife).Draw(t, "ticks") }

func (m ledgerMachine) someone(t *rapid.T) *actor {
	awake := m.awake()
	if len(awake) == 0 {
		t.Skip("nobody is awake")
	}
	return awake[rapid.IntRange(0, len(awake)-1).Draw(t, "actor")]
}

func (m ledgerMachine) check(t *rapid.T) {
	m.audit()
	if found := m.Violations(); len(found) > 0 {
		t.Fatalf("%v: accounts %v, claims %v", found, m.ledger.accounts, m.ledger.claims)
	}
}

// TestLedgerStateMachine lets rapid choose every step, fault and moment, and closes with two rounds of reconciliation.
func TestLedgerStateMachine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := ledgerMachine{newFleet(LedgerStandard())}
		m.net = drawnNetwork{t}
		defer m.clear()
		t.Repeat(map[string]func(*rapid.T){
			"":          m.check,
			"assign":    m.enter,
			"reconcile": m.reconcileNode,
			"step":      m.step,
			"step on":   m.step,
			"step more": m.step,
			"crash":     m.crash,
			"wait":      m.wait,
		})
		m.finish()
		m.check(t)
	})
}
