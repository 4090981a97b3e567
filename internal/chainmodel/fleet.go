package chainmodel

// partitions is the number of owner sets that a reconciliation reads one after another.
const partitions = 2

// claimLife is the age in ticks at which an attempt's calls are refused.
const claimLife = 60

// holding is what the ledger's model knows of a session's record: who owns it, and by which attempt.
type holding struct {
	rank, attempt int
	owner         int // -1: deleted or never made
}

// fleet is the ledger together with sessions that have one copy and home, without rollbacks: those are the other
// model's matter.
type fleet struct {
	stage
	rules       LedgerRules
	ledger      ledger
	copy, home  []holding
	nextAttempt int
}

func newFleet(r LedgerRules) *fleet {
	f := &fleet{stage: newStage(), rules: r}
	f.ledger = ledger{lacks: f.lacks, claims: map[int]reservation{}}
	for n := range f.ledger.accounts {
		f.ledger.accounts[n].max = r.Room
	}
	for range r.Sessions {
		f.copy = append(f.copy, holding{owner: -1})
		f.home = append(f.home, holding{owner: -1})
	}
	return f
}

func (f *fleet) lacks(g LedgerRule) bool { return f.rules.WithoutRule == g }

// owned counts a node's sessions by the exact truth, home's commits.
func (f *fleet) owned(node int) int {
	n := 0
	for _, h := range f.home {
		if h.owner == node {
			n++
		}
	}
	return n
}

// cas is the chain's script. An attempt's own calls carry its deadline; a repair's do not, for what reached the copy
// must be finished.
func (f *fleet) cas(at []holding, session int, expect, next holding, deadline int) reply {
	if at[session] == next {
		return accepted
	}
	if at[session] != expect || f.now > deadline && !f.lacks(CommitDeadline) {
		return refused
	}
	f.tracef("session %d: %v -> %v", session, at[session], next)
	at[session] = next
	f.audit()
	return accepted
}

// audit checks what must hold at every moment.
func (f *fleet) audit() {
	for n, a := range f.ledger.accounts {
		if f.owned(n) > a.max {
			f.report(Overfull)
		}
		if a.load < f.owned(n) {
			f.report(Undercounted)
		}
	}
}

// resolve is the linearizable read of one session; it finishes what reached the copy.
func (f *fleet) resolve(a *actor, session int) holding {
	const never = 1 << 30
	for {
		a.step()
		c := f.copy[session]
		a.step()
		h := f.home[session]
		switch {
		case c == h:
			return h
		case c.rank > h.rank:
			if a.call(func() reply { return f.cas(f.home, session, h, c, never) }) == accepted {
				return c
			}
		default:
			if a.call(func() reply { return f.cas(f.copy, session, c, h, never) }) == accepted {
				return h
			}
		}
	}
}
