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
//
// From then on Run writes what stands again where Redis has lost it, so that nodes that start later agree with those that run.
func (r *Registry) CheckMeta(ctx context.Context, own Meta) (Meta, error) {
	own.Secret = newSecret()
	fleet, err := r.meta(ctx, own)
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
	r.agreed.Store(&fleet)
	return fleet, nil
}

// meta returns what stands, which is own where nothing did.
func (r *Registry) meta(ctx context.Context, own Meta) (Meta, error) {
	reply, err := r.runStrings(ctx, metaScript, []string{r.keys.Meta()}, own.Schema, own.Partitions, own.ReplicationFactor, own.Secret)
	if err != nil {
		return Meta{}, err
	}
	return r.decodeMeta(reply)
}

// uphold writes what this node has agreed to again where Redis has lost it. Where a node that began meanwhile has written something else it
// says so, once, and leaves that.
func (r *Registry) uphold(ctx context.Context) error {
	agreed := r.agreed.Load()
	if agreed == nil {
		return nil
	}
	fleet, err := r.meta(ctx, *agreed)
	if err != nil {
		return err
	}
	if differs := fleet != *agreed; r.parted.Swap(differs) != differs && differs {
		r.cfg.Log.Error("other settings stand where those of this node stood, and nodes that begin now take them: stop either kind of nodes; if it is the younger one, delete the key, too",
			"key", r.keys.Meta(), "partitions", agreed.Partitions, "stand", fleet.Partitions, "sameSecret", fleet.Secret == agreed.Secret)
	}
	return nil
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
