package chainmodel

// reservationKind says which way a session goes.
type reservationKind int

const (
	arriving reservationKind = iota
	leaving
	settled // kept until its deadline, so that a late duplicate of what made it does nothing
)

// reservation is one attempt's claim on a node's count.
type reservation struct {
	kind     reservationKind
	node     int
	session  int
	deadline int // no call of the attempt takes effect later
}

// account is one node in the ledger.
type account struct {
	load, max int
	moves     int // raised by every change of load or reservations
}

// ledger is the balancer's slot: the live count of every node and the claims of attempts under way. Its methods are
// scripts: each is one atomic step.
type ledger struct {
	lacks    func(LedgerRule) bool
	accounts [nodes]account
	claims   map[int]reservation // by attempt
}

// reserve counts a session on the least loaded node that has room. An attempt that asks again gets the same node. It
// reports false when every node is full or the attempt is over.
func (l *ledger) reserve(now, attempt, session, deadline int, not int) (int, bool) {
	if c, ok := l.claims[attempt]; ok {
		return c.node, c.kind == arriving
	}
	best := -1
	for n := range l.accounts {
		a := l.accounts[n]
		if n != not && a.load < a.max && (best < 0 || a.load < l.accounts[best].load) {
			best = n
		}
	}
	if best < 0 || now > deadline {
		return 0, false
	}
	l.accounts[best].load++
	l.claim(attempt, reservation{arriving, best, session, deadline})
	return best, true
}

// beginRelease announces that a session may leave a node. The count stays.
func (l *ledger) beginRelease(now, attempt, session, deadline, node int) bool {
	if c, ok := l.claims[attempt]; ok {
		return c.kind == leaving
	}
	if now > deadline {
		return false
	}
	l.claim(attempt, reservation{leaving, node, session, deadline})
	return true
}

func (l *ledger) claim(attempt int, r reservation) {
	l.claims[attempt] = r
	l.accounts[r.node].moves++
}

// settle ends an attempt's claim; counted says whether the session stays in the node's count.
func (l *ledger) settle(attempt int, counted bool) {
	c, ok := l.claims[attempt]
	if (!ok || c.kind == settled) && !l.lacks(SettleOnce) {
		return
	}
	if !counted {
		l.accounts[c.node].load--
	}
	l.accounts[c.node].moves++
	c.kind = settled
	l.claims[attempt] = c
	if l.lacks(SettledRemembered) {
		delete(l.claims, attempt)
	}
}

// expire drops a claim whose deadline has passed. The count stays: only the reconciliation that follows knows it.
func (l *ledger) expire(now, attempt int, counted bool) {
	c, ok := l.claims[attempt]
	if !ok || now <= c.deadline {
		return
	}
	if l.lacks(ExpiryKeepsCount) && c.kind != settled && !counted {
		l.accounts[c.node].load--
	}
	l.accounts[c.node].moves++
	delete(l.claims, attempt)
}

// snapshot is one atomic view of a node's account and its claims.
func (l *ledger) snapshot(node int) (account, map[int]reservation) {
	claims := map[int]reservation{}
	for attempt, c := range l.claims {
		if c.node == node {
			claims[attempt] = c
		}
	}
	return l.accounts[node], claims
}

// correct sets a count that was computed from a snapshot, unless the node's account moved since.
func (l *ledger) correct(node, moves, load int) {
	a := &l.accounts[node]
	if a.moves != moves && !l.lacks(CorrectComparesMoves) {
		return
	}
	a.load = load
	a.moves++
}
