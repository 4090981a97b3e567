package chainmodel

import (
	"maps"
	"slices"
)

// reconcile brings one node's count back to the truth: drop the claims that are over, read the account, add up what
// the node owns partition by partition, and correct the count unless the account moved meanwhile.
func (f *fleet) reconcile(a *actor, node int) {
	f.expire(a, node)
	a.step()
	was, claims := f.ledger.snapshot(node)
	load := 0
	for p := range partitions {
		a.step()
		load += f.ownedIn(p, node, claims)
	}
	if !f.lacks(CorrectCountsClaims) {
		for _, c := range claims {
			if c.kind != settled {
				load++
			}
		}
	}
	a.call(func() reply { f.ledger.correct(node, was.moves, load); f.audit(); return accepted })
}

// ownedIn counts what the node owns in one partition. The sessions that have a claim count too: another attempt may have
// brought them, or brought them back, and then the claim is still to be taken off.
func (f *fleet) ownedIn(partition, node int, claims map[int]reservation) int {
	n := 0
	for s, h := range f.home {
		if s%partitions != partition || h.owner != node {
			continue
		}
		if !f.lacks(ClaimsCountBeside) || !claimedIn(claims, s) {
			n++
		}
	}
	return n
}

func claimedIn(claims map[int]reservation, session int) bool {
	for _, c := range claims {
		if c.session == session && c.kind != settled {
			return true
		}
	}
	return false
}

// expire drops the node's claims that are over. The session of each is resolved before, so that nothing of the attempt
// can land afterwards.
func (f *fleet) expire(a *actor, node int) {
	a.step()
	_, claims := f.ledger.snapshot(node)
	for _, attempt := range slices.Sorted(maps.Keys(claims)) {
		c := claims[attempt]
		if f.now <= c.deadline {
			continue
		}
		stays := f.home[c.session].owner == node
		if !f.lacks(ExpiryResolves) && c.kind != settled {
			stays = f.resolve(a, c.session).owner == node
		}
		a.call(func() reply { f.ledger.expire(f.now, attempt, stays); f.audit(); return accepted })
	}
}
