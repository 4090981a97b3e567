package integration

import (
	"strings"
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

// Redis writes its data to disk in the midst of it all.
func TestRedisSavesUnderLoad(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t)
	l := busyFleet(t, c, 120)
	for range 2 {
		for _, n := range c.Nodes() {
			admin := n.Admin(t)
			if err := admin.BgSave(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			eventually(t, 20*time.Second, func() string {
				info := admin.Info(t.Context(), "persistence").Val()
				if strings.Contains(info, "rdb_bgsave_in_progress:0") && strings.Contains(info, "rdb_last_bgsave_status:ok") {
					return ""
				}
				return "no save was finished: " + info
			})
		}
	}
	l.again(t)
	l.end(t)
	l.flawless(t)
	l.intact(t)
}

// Every call to Redis takes 100 ms longer: slow, and nothing else.
func TestRedisIsSlow(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t, redistest.Proxied())
	l := busyFleet(t, c, 120)
	for _, n := range c.Nodes() {
		n.Link(t).Delay(100 * time.Millisecond)
	}
	l.again(t)
	l.again(t)
	l.end(t)
	l.flawless(t)
	l.kept(t, 1)
	for _, n := range c.Nodes() {
		n.Link(t).Heal()
	}
	l.intact(t)
}

// One reply in a hundred is lost with its connection after the command was executed. Nobody but the program sends anything again, and
// each acknowledged change was made exactly once.
func TestRedisConnectionsAreReset(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t, redistest.Proxied())
	l := busyFleet(t, c, 120)
	for i, n := range c.Nodes() {
		n.Link(t).Resets(0.01, uint64(i+1))
	}
	for range 5 {
		l.again(t)
	}
	lost := 0
	for _, n := range c.Nodes() {
		n.Link(t).Heal()
		lost += n.Link(t).Lost()
	}
	l.end(t)
	t.Logf("measured replies lost with their connections: %d", lost)
	l.intact(t)
}
