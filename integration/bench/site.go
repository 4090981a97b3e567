package bench

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
)

// site is Redis in one layout, running.
type site struct {
	layout  layout
	redis   redistest.Redis
	clients []*redis.Client // of every server; the masters first
}

// start starts Redis in a layout, once, for all steps.
func (s *suite) start(l layout) {
	s.root.Helper()
	if s.sites[l] != nil {
		return
	}
	at := &site{layout: l, redis: l.start(s.root)}
	for _, n := range at.redis.Nodes() {
		at.clients = append(at.clients, n.Admin(s.root))
	}
	s.sites[l] = at
}

// masters are the servers that take writes: nobody fails over here.
func (at *site) masters() []*redis.Client { return at.clients[:at.layout.masters] }

// empty deletes everything and waits until it is gone.
func (at *site) empty(ctx context.Context) error {
	for _, c := range at.masters() {
		if err := c.Do(ctx, "FLUSHALL", "SYNC").Err(); err != nil {
			return err
		}
	}
	return nil
}

// time is the processor time that all servers have had, by their own word: the same figures as /proc has, in microseconds, and also of
// servers in containers.
func (at *site) time(ctx context.Context) (time.Duration, error) {
	var sum time.Duration
	for _, c := range at.clients {
		for _, name := range []string{"used_cpu_sys:", "used_cpu_user:"} {
			seconds, err := info(ctx, c, "cpu", name)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(seconds * float64(time.Second))
		}
	}
	return sum, nil
}

// memory is what the masters use of it, in bytes, without what they keep for connections: a batch leaves large buffers behind for a while.
func (at *site) memory(ctx context.Context) (sum float64, err error) {
	for _, c := range at.masters() {
		for name, sign := range map[string]float64{"used_memory:": 1, "mem_clients_normal:": -1, "mem_clients_slaves:": -1} {
			bytes, err := info(ctx, c, "memory", name)
			if err != nil {
				return 0, err
			}
			sum += sign * bytes
		}
	}
	return sum, nil
}

func info(ctx context.Context, c *redis.Client, section, name string) (float64, error) {
	text, err := c.Info(ctx, section).Result()
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(field(text, name), 64)
	if err != nil {
		return 0, fmt.Errorf("INFO %s: %s %w", section, name, err)
	}
	return v, nil
}

// blobs sums up the lengths of the blobs of all records, and how many records there are.
func (at *site) blobs(ctx context.Context, prefix string) (bytes, records int64, err error) {
	for _, c := range at.masters() {
		for _, kind := range []string{":session:", ":copy:"} {
			b, n, err := blobsOf(ctx, c, prefix+":*"+kind+"*")
			if err != nil {
				return 0, 0, err
			}
			bytes, records = bytes+b, records+n
		}
	}
	return bytes, records, nil
}

func blobsOf(ctx context.Context, c *redis.Client, pattern string) (bytes, records int64, err error) {
	for cursor := uint64(0); ; {
		keys, next, err := c.Scan(ctx, cursor, pattern, 1000).Result()
		if err != nil {
			return 0, 0, err
		}
		cmds, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, k := range keys {
				p.Do(ctx, "HSTRLEN", k, "blob")
			}
			return nil
		})
		if err != nil {
			return 0, 0, err
		}
		for _, cmd := range cmds {
			if n, _ := cmd.(*redis.Cmd).Int64(); n > 0 {
				bytes, records = bytes+n, records+1
			}
		}
		if cursor = next; cursor == 0 {
			return bytes, records, nil
		}
	}
}
