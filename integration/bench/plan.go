package bench

import (
	"fmt"
	"strings"
)

// groups are what can be measured by itself, in order.
var groups = []string{"batch", "create", "read", "patch", "list", "renewal", "memory", "takeover", "scale", "growth", "bodies"}

// plan lists the figures of a run of this size that belong to the groups wanted.
func plan(z size, wanted func(groups ...string) bool) (planned figures) {
	for _, f := range everything(z) {
		if group, _, _ := strings.Cut(f.ID, "."); wanted(group) {
			planned = append(planned, f)
		}
	}
	return planned
}

func everything(z size) (all figures) {
	add := func(id, name, unit string, g goal) {
		all = append(all, &figure{ID: id, Name: name, Unit: unit, Rounds: []float64{}, goal: g})
	}
	none := goal{}

	add("batch.three.perRaw", "batch create, JSON, factor 2, 3 masters: sessions per raw SET on the same 3 masters", "ratio", atLeast(0.35))
	add("batch.three.msgpack.perRaw", "batch create, MessagePack, factor 2, 3 masters: sessions per raw SET on the same 3 masters", "ratio", atLeast(0.35))
	add("batch.three.perRawOne", "batch create, JSON, factor 2, 3 masters: sessions per raw SET on one server", "ratio", none)
	add("batch.replicas.perRaw", "batch create, JSON, factor 2, 3 masters with a replica each: sessions per raw SET on the same", "ratio", none)
	add("batch.one.perRaw", "batch create, JSON, factor 1 (no copies), one server: sessions per raw SET on the same", "ratio", none)
	add("batch.one.msgpack.perRaw", "batch create, MessagePack, factor 1 (no copies), one server: sessions per raw SET on the same", "ratio", none)
	for _, at := range places {
		add("batch."+at.id+".raw", "raw SET (redis-benchmark -P 64 -c 16), "+at.site.title(), "SET/s", none)
		add("batch."+at.id+".rate", "batch create, JSON, "+at.title(), "sessions/s", none)
		add("batch."+at.id+".cpu", "the same: processor time of nodes and Redis", "µs/session", none)
		add("batch."+at.id+".cpu.redis", "the same: Redis's part of it", "µs/session", none)
	}

	for _, at := range places {
		add("create."+at.id+".share", fmt.Sprintf("single create at %d callers, %s: share of the HTTP ceiling", callers, at.title()), "ratio", goalAt(at, atLeast(0.6)))
		add("create."+at.id+".rate", "the same", "creates/s", none)
		add("create."+at.id+".cpu", "the same: processor time of nodes and Redis", "µs/session", none)
		add("create."+at.id+".cpu.redis", "the same: Redis's part of it", "µs/session", none)
	}
	add("create.ceiling", "the HTTP ceiling: create over use cases that answer at once", "creates/s", none)
	add("create.three.half.p50", "single create at half the peak rate, "+three.title()+": p50", "ms", none)
	add("create.three.half.p99", "the same: p99", "ms", none)
	add("create.three.half.ratio", "the same: p99 over p50", "ratio", atMost(5))

	for _, at := range []place{three, one} {
		add("read."+at.id+".share", "linearizable read, "+at.title()+": share of the HTTP ceiling", "ratio", goalAt(at, atLeast(0.7)))
		add("read."+at.id+".eventual.share", "eventual read, "+at.title()+", cacheTTL 1s: share of the HTTP ceiling", "ratio", goalAt(at, atLeast(0.95)))
		add("read."+at.id+".rate", "linearizable read, "+at.title(), "reads/s", none)
	}
	add("read.three.cached.share", "eventual read from the cache, "+three.title()+", cacheTTL "+longTTL+": share of the HTTP ceiling", "ratio", atLeast(0.95))
	add("read.three.cached.hits", "the same: reads that the cache answered", "ratio", none)
	add("read.ceiling", "the HTTP ceiling: read", "reads/s", none)

	add("patch.three.share", "patch of a label, "+three.title()+": share of the HTTP ceiling", "ratio", none)
	add("patch.three.rate", "the same", "patches/s", none)
	add("patch.three.p50", "patch of a label by one caller, "+three.title()+": p50", "ms", none)
	add("patch.three.fast.p50", "the same, durability fast", "ms", none)
	add("patch.three.fast.perAcked", "one p50 per the other", "ratio", none)

	among := fmt.Sprintf("list page of 100 with two filters among %d sessions, %d callers", z.owned, listCallers)
	add("list.p50", among+": p50", "ms", none)
	add("list.p99", among+": p99", "ms", atMost(20))
	add("list.rate", among, "pages/s", none)

	held := fmt.Sprintf("%d leases held by one node", z.owned)
	add("renewal.redis", "renewal of "+held+", one server: of one Redis core", "%", atMost(3))
	add("renewal.node", "renewal of "+held+", one server: of one core, the node", "%", atMost(3))
	add("renewal.rest.redis", "all that goes on at rest with "+held+", 3 masters, factor 2: of one core, Redis in all", "%", none)
	add("renewal.rest.node", "all that goes on at rest with "+held+", 3 masters, factor 2: of one core, the node", "%", none)

	add("memory.three.redis", "Redis memory of a session beyond its records' blobs, 3 masters, factor 2", "bytes", atMost(700))
	add("memory.one.redis", "Redis memory of a session beyond its record's blob, one server, factor 1", "bytes", none)
	add("memory.blob", fmt.Sprintf("a record's blob, %d bytes of config", usualBody), "bytes", none)
	add("memory.node", fmt.Sprintf("resident memory of a node at rest that owns %d sessions", z.owned), "MiB", atMost(150))

	add("takeover.time", fmt.Sprintf("node killed (kill -9): its %d sessions owned again by the other one, 3 masters, factor 2", z.moved), "s", none)

	add("scale.masters", "create's processor time per session: 3 masters over 1 (2 nodes, factor 1)", "ratio", atMost(1.15))
	add("scale.nodes", fmt.Sprintf("create's processor time per session: %d nodes over 2 (3 masters, factor 1)", z.nodes), "ratio", atMost(1.15))
	add("scale.masters.batch", "batch create's processor time per session: 3 masters over 1 (2 nodes, factor 1)", "ratio", atMost(1.15))
	add("scale.nodes.batch", fmt.Sprintf("batch create's processor time per session: %d nodes over 2 (3 masters, factor 1)", z.nodes), "ratio", atMost(1.15))

	least, most := z.grown[0], z.grown[len(z.grown)-1]
	add("growth.ratio", fmt.Sprintf("create's processor time per session: among %d sessions over among %d (one server, 2 nodes)", most, least), "ratio", atMost(1.15))
	for _, n := range z.grown {
		add(fmt.Sprintf("growth.%d.cpu", n), fmt.Sprintf("create among %d sessions: processor time of nodes and Redis", n), "µs/session", none)
		add(fmt.Sprintf("growth.%d.rest", n), fmt.Sprintf("%d sessions at rest: of one core, nodes and Redis in all", n), "%", none)
	}

	for _, body := range z.bodies {
		id, with := fmt.Sprintf("bodies.%d", body), fmt.Sprintf("%g KiB of config, %s: ", float64(body)/1024, three.title())
		add(id+".batch.perRaw", with+"batch create, JSON, sessions per raw SET of as much", "ratio", none)
		add(id+".create.share", with+"single create, share of the HTTP ceiling", "ratio", none)
		add(id+".read.share", with+"linearizable read, share of the HTTP ceiling", "ratio", none)
	}
	return all
}

// goalAt is the goal of what is measured in the place that goals are set for.
func goalAt(at place, g goal) goal {
	if at.id == three.id {
		return g
	}
	return goal{}
}
