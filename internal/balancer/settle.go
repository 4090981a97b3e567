package balancer

import (
	"context"
	_ "embed"
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed settle.lua
var settleSource string

var settleScript = redisx.NewScript("settle", settleSource)

// Outcome says how an attempt ended. Kept means that the session is on the node now: an arriving one came, a leaving one did
// not go.
type Outcome struct {
	Key     string
	Session session.ID
	Node    session.NodeID // where the attempt is recorded; empty: it is looked up, at the price of one more call
	Kept    bool
}

// Settle ends attempts. One that was settled before, by whomever, is left alone. It returns a *session.UnavailableError where
// Redis does not answer; settling again is safe.
func (b *Balancer) Settle(ctx context.Context, outcomes ...Outcome) error {
	var errs []error
	for batch := range slices.Chunk(outcomes, callLimit) {
		located, err := b.locate(ctx, batch)
		if err == nil && len(located) > 0 {
			err = b.settle(ctx, located)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (b *Balancer) settle(ctx context.Context, batch []Outcome) error {
	keys := []string{b.keys.Load(), b.keys.Reservations(), b.keys.Moves()}
	at := map[session.NodeID]int{}
	var args []any
	for _, o := range batch {
		if at[o.Node] == 0 {
			keys = append(keys, b.keys.Reserved(o.Node))
			at[o.Node] = len(keys)
		}
		kept := 0
		if o.Kept {
			kept = 1
		}
		args = append(args, o.Key, string(o.Session), string(o.Node), at[o.Node], kept)
	}
	_, err := b.redis.Run(ctx, settleScript, keys, args...)
	return err
}

// locate fills in the nodes that the caller does not know. Attempts that are not recorded are left out: they are settled. The
// node of a recorded attempt never changes, so that looking before settling is safe.
func (b *Balancer) locate(ctx context.Context, batch []Outcome) ([]Outcome, error) {
	var unknown []string
	for _, o := range batch {
		if o.Node == "" {
			unknown = append(unknown, o.Key)
		}
	}
	if len(unknown) == 0 {
		return batch, nil
	}
	var found *redis.SliceCmd
	err := b.redis.Read(ctx, func(p redis.Pipeliner) { found = p.HMGet(ctx, b.keys.Reservations(), unknown...) })
	if err != nil {
		return nil, err
	}
	nodes := map[string]session.NodeID{}
	for i, v := range found.Val() {
		if text, ok := v.(string); ok {
			node, _, _ := strings.Cut(text, "|")
			nodes[unknown[i]] = session.NodeID(node)
		}
	}
	var located []Outcome
	for _, o := range batch {
		if o.Node == "" {
			o.Node = nodes[o.Key]
		}
		if o.Node != "" {
			located = append(located, o)
		}
	}
	return located, nil
}
