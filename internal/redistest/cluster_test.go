package redistest_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
)

func TestKilledMasterIsReplaced(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t)
	const slot = 0
	old := c.MasterOf(t, slot)
	start := time.Now()
	old.Kill(t)
	master := c.AwaitNewMaster(t, slot, old)
	t.Logf("slot %d moved from %s to %s in %s", slot, old, master, time.Since(start))

	old.Restart(t)
	c.WaitReady(t)
	if got := c.MasterOf(t, slot); got != master {
		t.Errorf("the restarted master took its slot back from %s to %s", master, got)
	}
	if replicas := c.ReplicasOf(t, master); len(replicas) != 1 || replicas[0] != old {
		t.Errorf("replicas of %s are %v, want %s", master, replicas, old)
	}
}

// A slot that its master does not want any more, and that the others believe it has, is given to the master that holds its keys.
func TestSlotsThatNobodyWantsAreAdopted(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t)
	client := c.Client(t)
	const key, slot = "foo", 12182
	if err := client.Set(t.Context(), key, "bar", 0).Err(); err != nil {
		t.Fatal(err)
	}
	owner := c.MasterOf(t, slot)
	if err := owner.Admin(t).ClusterDelSlots(t.Context(), slot).Err(); err != nil {
		t.Fatal(err)
	}
	c.WaitReady(t)
	if got := c.MasterOf(t, slot); got != owner {
		t.Errorf("slot %d went from %s to %s", slot, owner, got)
	}
	if got, err := client.Get(t.Context(), key).Result(); got != "bar" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestPausedNodeGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t)
	client := s.Client(t, func(o *redis.UniversalOptions) {
		o.ContextTimeoutEnabled, o.MaxRetries = true, -1
	})
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Node().Pause(t)
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := client.Get(short, "k").Err(); err == nil {
		t.Error("a paused server answered")
	}
	s.Node().Resume(t)
	if got, err := client.Get(t.Context(), "k").Result(); got != "v" || err != nil {
		t.Errorf("after the pause: %q, %v", got, err)
	}
}

func TestSlotsMigrateUnderReads(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t, redistest.Replicas(0))
	client := c.Client(t)
	const tags, keys = 20, 5
	slots := map[int]bool{}
	for tag := range tags {
		for k := range keys {
			if err := client.Set(t.Context(), key(tag, k), k, 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		slots[int(client.ClusterKeySlot(t.Context(), key(tag, 0)).Val())] = true
	}
	ctx, stop := context.WithCancel(t.Context())
	var reads atomic.Int64
	done := make(chan error, 1)
	go func() { done <- readAll(ctx, client, tags, keys, &reads) }()

	joined := c.AddMaster(t)
	for slot := range slots {
		c.MigrateSlots(t, c.MasterOf(t, slot), joined, slot)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("a read failed while slots moved: %v", err)
	}
	if got := c.Slots(t, joined); len(got) != len(slots) {
		t.Errorf("the joined master owns %d slots, want %d", len(got), len(slots))
	}
	if n := joined.Admin(t).DBSize(t.Context()).Val(); n != tags*keys {
		t.Errorf("the joined master holds %d keys, want %d", n, tags*keys)
	}
	t.Logf("%d reads while %d slots moved", reads.Load(), len(slots))
}

func key(tag, k int) string { return fmt.Sprintf("{tag%d}:%d", tag, k) }

func readAll(ctx context.Context, client redis.UniversalClient, tags, keys int, reads *atomic.Int64) error {
	for {
		for tag := range tags {
			for k := range keys {
				got, err := client.Get(ctx, key(tag, k)).Int()
				if errors.Is(ctx.Err(), context.Canceled) {
					return nil
				}
				if err != nil || got != k {
					return fmt.Errorf("%s: %d, %w", key(tag, k), got, err)
				}
				reads.Add(1)
			}
		}
	}
}

func TestRestartKeepsWhatWasAppended(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t, redistest.AppendOnly(), redistest.Set("appendfsync", "always"))
	client := s.Client(t)
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Node().Kill(t)
	s.Node().Restart(t)
	if got, err := client.Get(t.Context(), "k").Result(); got != "v" || err != nil {
		t.Errorf("after the restart: %q, %v", got, err)
	}
}
