package redistest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// migratePage is how many keys one MIGRATE carries, and migrateTimeout how
// many milliseconds it may take.
const (
	migratePage    = 50
	migrateTimeout = 5000
)

// MigrateSlots moves slots and their keys from one master to another, slot by
// slot and under whatever traffic there is, the way redis-cli does. It returns
// when every live node knows the new owner.
func (c *Cluster) MigrateSlots(tb testing.TB, from, to *Node, slots ...int) {
	tb.Helper()
	c.migrate(tb, from, to, migratePage, 0, slots)
}

// MigrateSlotsSlowly moves key by key and pauses after each, so that commands
// meet slots of which both masters have a part.
func (c *Cluster) MigrateSlotsSlowly(tb testing.TB, from, to *Node, pause time.Duration, slots ...int) {
	tb.Helper()
	c.migrate(tb, from, to, 1, pause, slots)
}

func (c *Cluster) migrate(tb testing.TB, from, to *Node, page int, pause time.Duration, slots []int) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	m := migration{
		from: redis.NewClient(from.options()), to: redis.NewClient(to.options()), target: to, page: page, pause: pause,
		fromID: c.mustView(tb, from).self().id, toID: c.mustView(tb, to).self().id,
	}
	defer m.from.Close()
	defer m.to.Close()
	for _, slot := range slots {
		if err := m.move(ctx, slot); err != nil {
			tb.Fatalf("redistest: migrate slot %d from %s to %s: %v", slot, from, to, err)
		}
	}
	c.WaitReady(tb)
}

// migration moves slots between two masters.
type migration struct {
	from, to     *redis.Client
	fromID, toID string
	target       *Node
	page         int           // keys in one MIGRATE
	pause        time.Duration // after each
}

func (m *migration) move(ctx context.Context, slot int) error {
	if err := setSlot(ctx, m.to, slot, "IMPORTING", m.fromID); err != nil {
		return err
	}
	if err := setSlot(ctx, m.from, slot, "MIGRATING", m.toID); err != nil {
		return err
	}
	if err := m.keys(ctx, slot); err != nil {
		return err
	}
	// The target first: should this stop in between, two claim the slot and the
	// higher epoch wins, whereas the other order could leave it with nobody.
	if err := setSlot(ctx, m.to, slot, "NODE", m.toID); err != nil {
		return err
	}
	return setSlot(ctx, m.from, slot, "NODE", m.toID)
}

func setSlot(ctx context.Context, c *redis.Client, slot int, how, id string) error {
	return c.Do(ctx, "CLUSTER", "SETSLOT", slot, how, id).Err()
}

// keys moves every key of the slot, page by page.
func (m *migration) keys(ctx context.Context, slot int) error {
	for {
		keys, err := m.from.ClusterGetKeysInSlot(ctx, slot, m.page).Result()
		if err != nil || len(keys) == 0 {
			return err
		}
		args := []any{"MIGRATE", "127.0.0.1", m.target.ports[0].Number, "", 0, migrateTimeout}
		args = append(args, m.auth()...)
		args = append(args, "KEYS")
		for _, k := range keys {
			args = append(args, k)
		}
		if err := m.from.Do(ctx, args...).Err(); err != nil {
			return fmt.Errorf("MIGRATE: %w", err)
		}
		time.Sleep(m.pause)
	}
}

// auth is how the source introduces itself to the target.
func (m *migration) auth() []any {
	switch a := m.target.auth; {
	case a.password == "":
		return nil
	case a.user == "":
		return []any{"AUTH", a.password}
	default:
		return []any{"AUTH2", a.user, a.password}
	}
}
