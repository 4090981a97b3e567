package chaos

import (
	"math/rand/v2"
	"testing"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// matrix is every fault that a fleet must bear, each by itself.
var matrix = []struct {
	Fault
	site func(testing.TB) site
}{
	{nodeKilled, cluster},
	{nodeStopped, cluster},
	{nodeDrained, cluster},
	{mostStopped, cluster},
	{nodeCutOff, single},
	{masterKilled, cluster},
	{masterStopped, cluster},
	{masterRolledBack, proxied},
	{homeRolledBack, proxied},
	{masterParted, proxied},
	{fleetParted, proxied},
	{masterHangs, proxied},
	{repliesDropped, proxied},
	{slow, proxied},
	{slotsMigrated, cluster},
	{masterJoins, cluster},
	{snapshots, cluster},
	{memoryFull, cluster},
	{followerStopped, cluster},
	{readersStuck, cluster},
	{redisStopped, patient},
}

// Under each fault, the real program keeps every promise.
func TestChaos(t *testing.T) {
	t.Parallel()
	redistest.Require(t)
	harness.Build(t) // before any fleet runs: a compiler beside it is one more fault
	harness.BuildSkewed(t)
	for _, m := range matrix {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			play(t, Scenario{Site: m.site, Play: m.play, Unseen: m.Unseen, Settled: !m.Kills})
		})
	}
	t.Run(slowCutOff.Name, func(t *testing.T) {
		t.Parallel()
		play(t, Scenario{Site: single, Play: slowCutOff.play, Clocks: apart})
	})
	t.Run("mixed", func(t *testing.T) {
		t.Parallel()
		play(t, Scenario{Site: proxied, Play: mixed})
	})
}

// ofNodes and ofRedis are the faults that may come together: one of each.
var (
	ofNodes = []Fault{nodeKilled, nodeStopped, nodeDrained}
	ofRedis = []Fault{masterKilled, masterStopped, masterRolledBack, masterParted, masterHangs, repliesDropped, slow, slotsMigrated, snapshots, memoryFull}
)

// mixed has something go wrong with a node while something is wrong with Redis.
func mixed(w *world, r *rand.Rand) {
	redis, node := ofRedis[r.IntN(len(ofRedis))], ofNodes[r.IntN(len(ofNodes))]
	w.note("---- %s, %s", redis.Name, node.Name)
	restored := redis.begin(w, r)
	lull(r, redis.Hold+1)
	back := node.begin(w, r)
	lull(r, node.Hold+1)
	restored()
	lull(r, node.Hold+1)
	back()
	w.recovered()
}
