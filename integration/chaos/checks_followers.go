package chaos

import (
	"cmp"
	"slices"
)

// checkFollowers holds the beliefs of followers that have ended against the promise.
func checkFollowers(all []*follower, found *findings) []belief {
	var beliefs []belief
	for _, f := range all {
		if f.events["snapshot"] == 0 {
			found.add(Told, "", "the follower of %s was never told anything", f.name)
		}
		beliefs = append(beliefs, f.beliefs()...)
	}
	checkBeliefs(beliefs, found)
	return beliefs
}

// checkBeliefs holds that no session was run by two followers at once, nor under an older epoch after a newer one.
func checkBeliefs(all []belief, found *findings) {
	by := map[string][]belief{}
	for _, b := range all {
		by[b.Session] = append(by[b.Session], b)
	}
	for id, of := range by {
		slices.SortFunc(of, func(a, b belief) int { return cmp.Compare(a.From, b.From) })
		latest := of[0]
		for _, b := range of[1:] {
			if b.From < latest.To && b.Follower != latest.Follower {
				found.add(OneFollower, id, "%s from %d to %d ms (epoch %d), %s from %d to %d ms (epoch %d)",
					latest.Follower, latest.From.Milliseconds(), latest.To.Milliseconds(), latest.Epoch,
					b.Follower, b.From.Milliseconds(), b.To.Milliseconds(), b.Epoch)
			}
			if b.Epoch < latest.Epoch {
				found.add(OneFollower, id, "%s was told of epoch %d at %d ms, after %s of epoch %d",
					b.Follower, b.Epoch, b.From.Milliseconds(), latest.Follower, latest.Epoch)
			}
			if b.To > latest.To {
				latest = b
			}
		}
	}
}
