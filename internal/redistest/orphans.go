package redistest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// orphanPatience is how long slots may be without a master before they are given to one. A failover takes less.
const orphanPatience = 5 * time.Second

// Orphans looks after slots without a master while somebody waits for the cluster.
type Orphans struct {
	cluster *Cluster
	next    time.Time // when it looks
}

// Orphans begins to look after slots without a master: the caller has just found that the cluster does not serve.
func (c *Cluster) Orphans() *Orphans { return &Orphans{c, time.Now().Add(orphanPatience)} }

// GaveBack is how many slots no master wanted until Orphans gave them to one.
func (c *Cluster) GaveBack() int { return int(c.gaveBack.Load()) }

// GiveBack is called whenever the cluster still does not serve. Every 5 s it gives slots that no master wants to one, and says so in the
// test's log.
func (o *Orphans) GiveBack(tb testing.TB) {
	tb.Helper()
	if time.Now().Before(o.next) {
		return
	}
	o.next = time.Now().Add(orphanPatience)
	if slots, err := o.cluster.adopt(context.WithoutCancel(tb.Context())); len(slots) > 0 {
		o.cluster.gaveBack.Add(int32(len(slots)))
		tb.Logf("redistest: no master had the slots %v: they are given to those with most of their keys (%v)", slots, err)
	}
}

// adopt gives each slot that no master takes for its own to the one that holds most of its keys, as `redis-cli --cluster fix` does, and
// returns those slots. It happens by itself, rarely, when a master dies whose slots were moved to and fro before: what its replica knows of
// them is what it was told last, and a cluster does not find out alone (seen with 7.0.15). What a master has that is away, its replica is
// about to take over, and is let alone.
func (c *Cluster) adopt(ctx context.Context) ([]int, error) {
	masters, claims, err := c.claims(ctx)
	if err != nil {
		return nil, err
	}
	var adopted []int
	for slot := range slotCount {
		if slices.ContainsFunc(claims, func(m member) bool { return m.owns(slot) }) {
			continue
		}
		if err := adoptSlot(ctx, masters, slot); err != nil {
			return adopted, err
		}
		adopted = append(adopted, slot)
	}
	return adopted, nil
}

// claims returns the living masters by their ids, and who has slots: those masters by their own word, others by anybody's.
func (c *Cluster) claims(ctx context.Context) (masters map[*Node]string, claims []member, err error) {
	masters = map[*Node]string{}
	living := map[string]bool{}
	for _, n := range c.live() {
		living[n.Addr()] = true
	}
	for _, n := range c.live() {
		v, err := n.view(ctx)
		if err != nil {
			return nil, nil, err
		}
		for _, m := range v {
			if m.is("myself") || !living[m.addr] {
				claims = append(claims, m)
			}
		}
		if self := v.self(); self.master == "-" {
			masters[n] = self.id
		}
	}
	return masters, claims, nil
}

func adoptSlot(ctx context.Context, masters map[*Node]string, slot int) error {
	var heir *redis.Client
	var id string
	most := int64(-1)
	for n, its := range masters {
		client := redis.NewClient(n.options())
		defer client.Close()
		keys, err := client.ClusterCountKeysInSlot(ctx, slot).Result()
		if err != nil {
			return err
		}
		if keys > most {
			heir, id, most = client, its, keys
		}
	}
	if heir == nil {
		return nil
	}
	if err := setSlot(ctx, heir, slot, "NODE", id); err != nil {
		return err
	}
	return heir.Do(ctx, "CLUSTER", "BUMPEPOCH").Err() // so that the others believe it
}
