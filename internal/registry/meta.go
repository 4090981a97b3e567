package registry

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed meta.lua
var metaSource string

var metaScript = redisx.NewScript("meta", metaSource)

// Schema is the version of the layout of keys and records that this program writes.
const Schema = 1

// Meta is what all nodes of a fleet must agree on.
type Meta struct{ Schema, Partitions, ReplicationFactor int }

// CheckMeta writes this node's meta if the fleet has none yet, and returns what stands. Another schema or another number of
// partitions is refused with a *session.InvalidError that names both values; another replication factor is not, it is
// logged. A hash that cannot be read is a *session.CorruptError.
func (r *Registry) CheckMeta(ctx context.Context, own Meta) (Meta, error) {
	reply, err := r.runStrings(ctx, metaScript, []string{r.keys.Meta()}, own.Schema, own.Partitions, own.ReplicationFactor)
	if err != nil {
		return Meta{}, err
	}
	fleet, err := r.decodeMeta(reply)
	if err != nil {
		return Meta{}, err
	}
	switch {
	case fleet.Schema != own.Schema:
		return fleet, session.Invalid("schema", fmt.Sprintf("is %d here, the fleet at %s has %d: run a version that reads it, or choose another prefix", own.Schema, r.keys.Meta(), fleet.Schema))
	case fleet.Partitions != own.Partitions:
		return fleet, session.Invalid("partitions", fmt.Sprintf("is %d here, the fleet at %s has %d: it cannot be changed, set it to %d", own.Partitions, r.keys.Meta(), fleet.Partitions, fleet.Partitions))
	case fleet.ReplicationFactor != own.ReplicationFactor:
		r.cfg.Log.Warn("replicationFactor differs from the fleet's first", "key", r.keys.Meta(), "here", own.ReplicationFactor, "fleet", fleet.ReplicationFactor)
	}
	return fleet, nil
}

func (r *Registry) decodeMeta(reply []string) (Meta, error) {
	if len(reply) != 3 {
		return Meta{}, unexpected(metaScript, reply)
	}
	var n [3]int
	for i, field := range []string{"schema", "partitions", "replicationFactor"} {
		v, err := strconv.Atoi(reply[i])
		if err != nil {
			return Meta{}, &session.CorruptError{Key: r.keys.Meta(), Reason: (&fieldError{field, reply[i]}).Error()}
		}
		n[i] = v
	}
	return Meta{n[0], n[1], n[2]}, nil
}
