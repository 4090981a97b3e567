package registry

import (
	"context"
	"log/slog"
	"maps"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// Standing is what a fleet's own keys say.
type Standing struct {
	Meta       Meta              // zero: there is no fleet yet
	View       View              // the registered nodes
	Unreadable map[string]string // registrations and dead holders that cannot be read: what is wrong with each, by its key
	Dead       []session.Holder  // those that were declared dead and are not recovered yet
	Braking    bool              // more than half of the nodes were gone at once
}

// Inspect looks at a fleet without being one of its nodes: it registers nobody, declares nobody dead and writes nothing. It returns a
// *session.UnavailableError where Redis does not answer, and a *session.CorruptError where the fleet's meta cannot be read.
func Inspect(ctx context.Context, c *redisx.Client, k *keyspace.Keys) (Standing, error) {
	r := &Registry{redis: c, keys: k, cfg: Config{Log: slog.New(slog.DiscardHandler)}}
	r.view.Store(&View{})
	var meta *redis.SliceCmd
	var dead *redis.StringSliceCmd
	var brake *redis.IntCmd
	err := c.Read(ctx, func(p redis.Pipeliner) {
		meta = p.HMGet(ctx, k.Meta(), "schema", "partitions", "replicationFactor", "secret")
		dead, brake = p.ZRange(ctx, k.Dead(), 0, -1), p.Exists(ctx, k.Brake())
	})
	if err != nil {
		return Standing{}, err
	}
	s := Standing{Braking: brake.Val() > 0}
	if s.Meta, err = r.readMeta(meta); err != nil {
		return s, err
	}
	members := make([]any, len(dead.Val()))
	for i, member := range dead.Val() {
		members[i] = member
	}
	s.Dead = r.holders(members)
	l := look{asked: time.Now()}
	if err := l.list(ctx, r); err != nil {
		return s, err
	}
	if err := l.details(ctx, r); err != nil {
		return s, err
	}
	s.View = l.view(r)
	s.Unreadable = maps.Clone(r.warned.made)
	return s, nil
}

// readMeta reads what CheckMeta writes, or nothing where nothing was written.
func (r *Registry) readMeta(cmd *redis.SliceCmd) (Meta, error) {
	if cmd.Err() != nil {
		return Meta{}, &session.CorruptError{Key: r.keys.Meta(), Reason: "it is no hash"}
	}
	reply, found := make([]string, len(cmd.Val())), false
	for i, v := range cmd.Val() {
		text, ok := v.(string)
		reply[i], found = text, found || ok
	}
	if !found {
		return Meta{}, nil
	}
	return r.decodeMeta(reply)
}
