package chaos

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"orchestrator/integration/harness"
)

// keys is what lies in Redis under the run's prefix, as far as the checks ask.
type keys struct {
	names  []string
	homes  map[string]string   // session to the master of its home
	copies map[string][]string // session to the masters of its copies
	owned  map[string]int      // node to how many sessions it owns
	leases map[string]int      // node to how many leases it holds
	open   map[string]int      // node to how many attempts to place a session on it or take one from it are not settled
	load   map[string]int      // node to its live count
	listed []string            // nodes with a registration
}

// scan reads every master.
func (w *world) scan(ctx context.Context) (*keys, error) {
	k := &keys{homes: map[string]string{}, copies: map[string][]string{}, owned: map[string]int{}, leases: map[string]int{}, open: map[string]int{}, load: map[string]int{}}
	var mu sync.Mutex
	ask := func(ctx context.Context, master *redis.Client) error {
		it := master.Scan(ctx, 0, w.prefix+":*", 1000).Iterator()
		for it.Next(ctx) {
			mu.Lock()
			err := k.take(ctx, master, it.Val())
			mu.Unlock()
			if err != nil {
				return err
			}
		}
		return it.Err()
	}
	client := redis.NewUniversalClient(w.redis.Options())
	defer func() { _ = client.Close() }()
	if c, ok := client.(*redis.ClusterClient); ok {
		return k, c.ForEachMaster(ctx, ask)
	}
	return k, ask(ctx, client.(*redis.Client))
}

// take reads one key, "prefix:{tag}:kind" or "prefix:{tag}:kind:id".
func (k *keys) take(ctx context.Context, c *redis.Client, key string) error {
	k.names = append(k.names, key)
	_, rest, _ := strings.Cut(key, "}:")
	kind, id, _ := strings.Cut(rest, ":")
	switch kind {
	case "session":
		if c.HExists(ctx, key, "owner").Val() { // a tombstone has none
			k.homes[id] = c.Options().Addr
		}
	case "copy":
		if c.HExists(ctx, key, "owner").Val() {
			k.copies[id] = append(k.copies[id], c.Options().Addr)
		}
	case "owned":
		n, err := c.ZCard(ctx, key).Result()
		k.owned[id] += int(n)
		return err
	case "reserved":
		n, err := c.ZCard(ctx, key).Result()
		k.open[id] = int(n)
		return err
	case "lease":
		holder, err := c.Get(ctx, key).Result()
		if err == redis.Nil { // it ended under the scan
			return nil
		}
		node, _, _ := strings.Cut(holder, "/")
		k.leases[node]++
		return err
	case "load":
		all, err := c.ZRangeWithScores(ctx, key, 0, -1).Result()
		for _, z := range all {
			k.load[fmt.Sprint(z.Member)] = int(z.Score)
		}
		return err
	case "nodes":
		all, err := c.ZRange(ctx, key, 0, -1).Result()
		k.listed = all
		return err
	}
	return nil
}

// leftNothing holds that a node that left has no key any more, but for what keeps its late messages out.
func (w *world) leftNothing(n *harness.Process) {
	err := await(healLimit/3, func() error {
		k, err := w.scan(w.t.Context())
		if err != nil {
			return err
		}
		for _, key := range k.names {
			_, rest, _ := strings.Cut(key, "}:")
			if strings.Contains(rest, ":"+n.Name()) && !strings.HasPrefix(rest, "recovery:") {
				return fmt.Errorf("key %s is left", key)
			}
		}
		if _, counted := k.load[n.Name()]; counted {
			return fmt.Errorf("%s is still counted", n.Name())
		}
		for _, name := range k.listed {
			if name == n.Name() {
				return fmt.Errorf("%s is still registered", name)
			}
		}
		return nil
	})
	if err != nil {
		w.found.add(LeftNothing, "", "%v", err)
	}
}
