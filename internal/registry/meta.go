package registry

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
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
type Meta struct {
	Schema, Partitions, ReplicationFactor int

	// Secret is what the fleet's nodes seal page tokens with: 64 hexadecimal digits, made once, by the first node that found none. Nobody is
	// asked to agree: what stands is taken.
	Secret string
}

// secretBytes is how many random bytes the secret has.
const secretBytes = 32

// CheckMeta writes this node's meta if the fleet has none yet, and a secret if it has none, as a fleet of an older version has not. It returns what stands. Another schema or another number of
// partitions is refused with a *session.InvalidError that names both values; another replication factor is not, it is
// logged. A hash that cannot be read is a *session.CorruptError.
func (r *Registry) CheckMeta(ctx context.Context, own Meta) (Meta, error) {
	reply, err := r.runStrings(ctx, metaScript, []string{r.keys.Meta()}, own.Schema, own.Partitions, own.ReplicationFactor, newSecret())
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
	if len(reply) != 4 {
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
	// A fleet that this node will not join is left as it is, without a secret it may be.
	if secret, err := hex.DecodeString(reply[3]); reply[3] != "" && (err != nil || len(secret) != secretBytes) {
		return Meta{}, &session.CorruptError{Key: r.keys.Meta(), Reason: fmt.Sprintf("field secret is not %d hexadecimal digits", 2*secretBytes)}
	}
	return Meta{n[0], n[1], n[2], reply[3]}, nil
}

func newSecret() string {
	var b [secretBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
