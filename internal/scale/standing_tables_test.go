package scale

import (
	"fmt"
	"math"
)

// sharing is how the partitions lie on the nodes of a fleet.
func sharing(nodes, partitions int) (s spread, idle int) {
	all := members(nodes)
	counts := portions(all, workers(all, partitions), ones(partitions))
	for _, n := range counts {
		if n == 0 {
			idle++
		}
	}
	return spreadOf(counts), idle
}

// roundSeconds is how long a sync round takes the node that has most partitions, if it waits for nobody else.
func roundSeconds(most, partitions, sessions int) float64 {
	return float64(most) * float64(sessions) / float64(partitions) * (measured.auditNode + measured.auditRedis) / 1e6
}

// tableOfSync says what a sync round asks of the busiest node.
func tableOfSync() {
	row := table("3a. Sync rounds", "Nodes", "Partitions", "a node's partitions: mean", "most", "max/mean", "nodes without any", "busiest node compares, records/s, of 100,000 / 10,000,000 / 100,000,000",
		"its round takes, s", "to find its share, each time the members change, ms of a core")
	for _, n := range someNodes {
		for _, partitions := range somePartition {
			s, idle := sharing(n, partitions)
			row(n, partitions, s.mean(), s.most, times(s), idle,
				figures(func(all int) float64 { return float64(s.most) * float64(all) / float64(partitions) / syncInterval }),
				figures(func(all int) float64 { return roundSeconds(s.most, partitions, all) }),
				measured.worker*float64(n)*float64(partitions)/1e3)
		}
	}
}

// masterBytes is what a master may hold, and most what it should.
const masterBytes = 8e9

// masters is how many hold so many sessions.
func masters(sessions int, bytes float64) int {
	return max(3, int(math.Ceil(float64(sessions)*bytes/masterBytes)))
}

// tableOfSettings gives each fleet the shortest intervals at which the busiest node compares half of the time at most, sync rounds take a fifth
// of the masters' cores and renewals a tenth, and the slot of {fleet} half a core, a tenth for the refreshes of sync rounds.
func tableOfSettings() {
	row := table("3b. Settings by size", "Nodes", "Sessions", "Redis masters", "sync at 10 s would take, of their cores", "partitions", "syncInterval, s", "busiest node's round, s", "gossipInterval, s", "heartbeatTimeout, s", "leaseTTL, s")
	for _, n := range someNodes {
		for _, s := range someSessions {
			if s/n > 1_000_000 {
				continue // more than a node may own
			}
			m := masters(s, measured.bytes)
			partitions := 256
			for partitions < 4*n && partitions < 4096 {
				partitions *= 4
			}
			shares, _ := sharing(n, partitions)
			round, perRound := roundSeconds(shares.most, partitions, s), float64(s)*measured.auditRedis/1e6
			refreshes := float64(n*n) * measured.listed / 1e6
			sync := nice(max(syncInterval, 2*round, perRound/(0.2*float64(m)), refreshes/0.1))
			gossip := gossipInterval
			for gossip < 60 && slotAt(n, gossip, sync).cores() > 0.5 {
				gossip = nice(gossip * 1.1)
			}
			heartbeat := nice(max(heartbeatTimeout, 2.5*gossip))
			renewal := measured.renewRedis + measured.pageRedis/max(1, min(500, float64(s)/float64(n*partitions)))
			lease := nice(max(leaseTTL, 2.5*heartbeat, 3*float64(s)*renewal/1e6/(0.1*float64(m))))
			row(n, s, m, percent(perRound/syncInterval/float64(m)), partitions, sync, round, gossip, heartbeat, possible(lease))
		}
	}
}

// possible is a duration that the configuration takes: up to an hour.
func possible(seconds float64) string {
	if seconds > 3600 {
		return "more masters"
	}
	return figure(seconds)
}

// nice is the next number up that a person would write into a configuration.
func nice(seconds float64) float64 {
	for _, s := range []float64{1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1200, 1800, 3600} {
		if seconds <= s*1.001 {
			return s
		}
	}
	return seconds
}

// slotLoad is what nodes that stand idle ask of the fleet's slot in a second.
type slotLoad struct{ listed, refreshes, beats, looks, bytes float64 }

// slotAt reckons the load at some intervals; each sync round begins with a refresh, too. Heartbeats stay as they are.
func slotAt(nodes int, gossip, sync float64) slotLoad {
	n := float64(nodes)
	l := slotLoad{refreshes: n/gossip + n/sync, beats: n / (heartbeatTimeout / 5), looks: (4 + 4 + 1) * n / gossip}
	l.listed = l.refreshes * n
	l.bytes = l.listed * measured.listedBytes
	return l
}

// cores is how much of one core that takes.
func (l slotLoad) cores() float64 {
	looks := (4*measured.reap + 4*measured.next + measured.wished) / 9
	return (l.listed*measured.listed + l.beats*measured.beat + l.looks*looks) / 1e6
}

// tableOfSlot says what the fleet's own keys cost.
func tableOfSlot() {
	row := table("4. The slot of {fleet}, nobody creating", "Nodes", "beats/s", "refreshes/s", "nodes listed/s", "looks/s (dead, requests, wishes)", "bytes of a refresh", "answers, MB/s",
		"of one core, gossipInterval 1 s", "2 s", "5 s", "10 s", "20 s and syncInterval 60 s")
	for _, n := range []int{3, 10, 100, 250, 500, 1000} {
		l := slotAt(n, gossipInterval, syncInterval)
		row(n, l.beats, l.refreshes, l.listed, l.looks, float64(n)*measured.listedBytes, l.bytes/1e6,
			percent(l.cores()), percent(slotAt(n, 2, syncInterval).cores()), percent(slotAt(n, 5, syncInterval).cores()), percent(slotAt(n, 10, syncInterval).cores()), percent(slotAt(n, 20, 60).cores()))
	}
}

// tableOfRenewal says what it costs to keep leases, with 100,000 sessions on each node.
func tableOfRenewal() {
	const perNode = 100_000
	row := table("5. Renewal of leases, 100,000 a node", "Nodes", "Partitions", "leases/s", "calls/s (pages, renewals)", "questions how many/s", "of Redis, cores", "of the masters' cores", "of a node's core", "a node's round at the least, s", "where all have followers: ids read for them, cores of Redis")
	for _, n := range someNodes {
		for _, partitions := range []int{256, 4096} {
			every := leaseTTL / 3
			pages := float64(partitions) * math.Ceil(perNode/float64(partitions)/500)
			leases, calls, cards := float64(n)*perNode/every, float64(n)*2*pages/every, float64(n*partitions)/every
			cores := (leases*measured.renewRedis + float64(n)*pages/every*measured.pageRedis + cards*measured.card) / 1e6
			row(n, partitions, leases, calls, cards, cores, percent(cores/float64(masters(n*perNode, measured.bytes))),
				percent((perNode*measured.renewNode+pages*measured.pageNode)/every/1e6),
				(perNode*(measured.renewRedis+measured.renewNode)+pages*(measured.pageRedis+measured.pageNode))/1e6,
				float64(n)*perNode*measured.owned/1e6/(gossipInterval/2))
		}
	}
}

// tableOfMemory says how many masters hold the sessions.
func tableOfMemory() {
	row := table("6. Memory of Redis, two records a session", "hash-max-listpack-value", "a node's sessions in a partition", "bytes a session", "100,000,000 sessions, GB", "masters of less than 8 GB", "each, GB")
	for _, m := range memories {
		all := m.bytes * 1e8
		n := masters(100_000_000, m.bytes)
		row(m.value, fmt.Sprint(m.owned), m.bytes, all/1e9, n, all/1e9/float64(n))
	}
}
