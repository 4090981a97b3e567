package doctor

import (
	"fmt"
	"slices"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redisx"
)

// cluster looks at what the servers are together.
func (e *exam) cluster(all []redisx.Server) {
	if masters := e.redis.Masters(); masters < e.cfg.ReplicationFactor {
		e.tell(Warn, "masters", fmt.Sprintf("there are fewer Redis masters (%d) than records wanted of each session (replicationFactor %d): what is lost with a master has no copy",
			masters, e.cfg.ReplicationFactor), "run a cluster of three masters with a replica each")
	} else {
		e.tell(OK, "masters", fmt.Sprintf("%s for replicationFactor %d", count(masters, "master"), e.cfg.ReplicationFactor), "")
	}
	if !e.redis.Clustered() {
		return
	}
	top := e.redis.Topology()
	if n := top.Unserved(); n > 0 {
		e.tell(Fail, "slots", fmt.Sprintf("%d of %d slots have no master", n, keyspace.Slots), "redis-cli --cluster fix, or bring the master back that had them")
	} else {
		e.tell(OK, "slots", fmt.Sprintf("all %d have a master", keyspace.Slots), "")
	}
	well := true
	for _, m := range top.Masters {
		if !replicated(all, m.Addr) {
			well = false
			e.tell(Warn, "replicas", m.Addr+" has no replica", "start its replica, or add one: without it the cluster stops where this master does")
		}
	}
	if well {
		e.tell(OK, "replicas", "each master has one", "")
	}
}

// replicated reports whether a master has a replica: by its own word, for the cluster names none that has copied nothing yet; that of a master
// that does not answer, by the cluster's.
func replicated(all []redisx.Server, master string) bool {
	return slices.ContainsFunc(all, func(s redisx.Server) bool {
		return s.Err == nil && (s.Addr == master && s.Replicas() > 0 || s.Master == master)
	})
}
