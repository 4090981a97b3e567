package scale

import (
	"fmt"
	"math/rand/v2"

	"orchestrator/internal/session"
)

// slotSeconds is how long one core needs to place a session by least connections among so many candidates, in calls as full as they get:
// the line through ADR 4's figures for 3 and 64 of them.
func slotSeconds(candidates int) float64 {
	const at3, at64 = 1.0 / 105_000, 1.0 / 18_000
	return at3 + (at64-at3)*float64(min(candidates, groupLimit)-3)/(groupLimit-3)
}

// tableOfPlacement fills fleets as fast as the slot places.
func tableOfPlacement() {
	row := table("1a. Placement", "Nodes", "Sessions", "least connections, views up to 1 s old: least to most on a node", "max/mean", "the same, views up to 10 s old", "max/mean",
		"consistent hashing: max/mean", "not at their first choice")
	for _, n := range someNodes {
		perSecond := int(1 / slotSeconds(n))
		fresh, old, hash := map[int]spread{}, map[int]spread{}, map[int]spread{}
		displaced := map[int]int{}
		fillLeast(fleetOf(n), perSecond, views, someSessions, func(sessions int, s spread) { fresh[sessions] = s })
		fillLeast(fleetOf(n), 10*perSecond, views, someSessions, func(sessions int, s spread) { old[sessions] = s })
		fillHashed(fleetOf(n), someSessions, func(sessions, not int, s spread) { hash[sessions], displaced[sessions] = s, not })
		for _, s := range someSessions {
			row(n, s, fromTo(fresh[s]), times(fresh[s]), fromTo(old[s]), times(old[s]), times(hash[s]), percent(float64(displaced[s])/float64(s)))
		}
	}
}

func fromTo(s spread) string { return grouped(s.least) + " to " + grouped(s.most) }

func times(s spread) string { return fmt.Sprintf("%.4g", s.ratio()) }

// tableOfFirstChoices takes a sample: which first choices change as one node joins, and as one goes.
func tableOfFirstChoices() {
	row := table("1b. Consistent hashing: first choices that change", "Nodes", "one joins: share of sessions", "1/(n+1)", "one goes", "1/n",
		"as one goes, of 100,000 / 10,000,000 / 100,000,000 sessions", "of a sample of")
	for _, n := range someNodes {
		rng, all, more := dice(uint64(n)), fleetOf(n), fleetOf(n+1)
		sample := min(200_000, 50_000_000/n)
		joined, went := 0, 0
		for range sample {
			id := idOf(rng)
			before := first(id, all)
			if first(id, more) != before {
				joined++
			}
			if first(id, all[:n-1]) != before {
				went++
			}
		}
		goes := float64(went) / float64(sample)
		row(n, percent(float64(joined)/float64(sample)), percent(1/float64(n+1)), percent(goes), percent(1/float64(n)),
			figures(func(s int) float64 { return goes * float64(s) }), sample)
	}
}

// idOf is a session id that the seed decides.
func idOf(rng *rand.Rand) session.ID {
	return session.ID(fmt.Sprintf("0199b4c0-%04x-7%03x-%04x-%012x", rng.IntN(1<<16), rng.IntN(1<<12), 0x8000|rng.IntN(1<<14), rng.Int64N(1<<48)))
}
