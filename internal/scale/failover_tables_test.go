package scale

import (
	"fmt"
	"math"
)

// loss is so many nodes of a fleet that die at once.
type loss struct{ nodes, dead int }

// losses are one node, and a tenth of the nodes where that is more.
func losses() (all []loss) {
	for _, n := range someNodes {
		all = append(all, loss{n, 1})
		if n/10 > 1 {
			all = append(all, loss{n, n / 10})
		}
	}
	return all
}

func (l loss) survivors() int { return l.nodes - l.dead }

func (l loss) sessions(all int) int { return all / l.nodes * l.dead }

// tableOfFailoverWork says how the survivors share a recovery.
func tableOfFailoverWork() {
	row := table("2a. Failover: who does the work", "Nodes", "die", "Partitions", "survivors without work", "busiest survivor takes, of 100,000 / 10,000,000 / 100,000,000 sessions",
		"max/mean at 100,000,000", "so it takes, s")
	for _, l := range losses() {
		for _, partitions := range somePartition {
			rng := dice(uint64(l.nodes)<<16 | uint64(l.dead))
			survivors := without(rng, members(l.nodes), l.dead)
			by := workers(survivors, partitions)
			taken := map[int]spread{}
			for _, s := range someSessions {
				taken[s] = spreadOf(portions(survivors, by, scatter(rng, l.sessions(s), partitions)))
			}
			idle := 0
			for _, n := range portions(survivors, by, ones(partitions)) {
				if n == 0 {
					idle++
				}
			}
			row(l.nodes, l.dead, partitions, idle, figures(func(s int) float64 { return float64(taken[s].most) }), times(taken[someSessions[2]]),
				figures(func(s int) float64 { return float64(taken[s].most) / *takeoverRate }))
		}
	}
}

// tableOfFailoverSlot says what a recovery asks of the fleet's slot, and how the sessions lie afterwards.
func tableOfFailoverSlot() {
	row := table("2b. Failover: what the slot of {fleet} does", "Nodes", "die", "sessions to place, of 100,000,000", "calls of reserve", "calls of recovered, 256 / 4,096 partitions",
		"reserve alone keeps a core busy, s, for 100,000 / 10,000,000 / 100,000,000", "all masters' cores are busy with records, s, for 100,000,000", "survivors then: max/mean", "nodes gone at once that are waited for another heartbeatTimeout")
	for _, l := range losses() {
		each := slotSeconds(l.survivors())
		batch := min(500, 8000/min(l.survivors(), groupLimit))
		all := someSessions[2]
		row(l.nodes, l.dead, l.sessions(all), int(math.Ceil(float64(l.sessions(all))/float64(batch))), fmt.Sprintf("%s / %s", grouped(l.dead*256), grouped(l.dead*4096)),
			figures(func(s int) float64 { return each * float64(l.sessions(s)) }), float64(l.sessions(all))*measured.takeoverRedis/1e6/float64(masters(all, measured.bytes)), figures4(func(s int) spread { return afterwards(l, s) }), fmt.Sprintf("more than %d", l.nodes/2))
	}
}

func figures4(of func(sessions int) spread) (text string) {
	for i, s := range someSessions {
		if i > 0 {
			text += " / "
		}
		text += times(of(s))
	}
	return text
}

// afterwards is how the sessions lie once the dead nodes' are placed. All survivors begin with a view of the same moment and keep it until
// the job's time is over.
func afterwards(l loss, sessions int) (after spread) {
	nodes := fleetOf(l.survivors())
	for i := range nodes {
		nodes[i].count = sessions / l.nodes
	}
	perView := int(recoverLimit / slotSeconds(l.survivors()))
	fillLeast(nodes, perView, 1, []int{l.sessions(sessions)}, func(_ int, s spread) { after = s })
	return after
}
