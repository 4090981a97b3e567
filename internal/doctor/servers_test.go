package doctor

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redisx"
)

// tells is a server in order, but for some lines of its INFO.
func tells(addr string, lines map[string]string) redisx.Server {
	info := map[string]string{"role": "master", "redis_version": "7.2.4", "maxmemory_policy": "noeviction", "used_memory": "10", "maxmemory": "100",
		"aof_enabled": "1", "aof_last_write_status": "ok"}
	maps.Copy(info, lines)
	return redisx.Server{Addr: addr, Info: info}
}

func TestServersAreJudgedByWhatTheyTell(t *testing.T) {
	t.Parallel()
	ahead, forbidden := tells("f:1", nil), tells("g:1", nil)
	ahead.AheadLeast, ahead.AheadMost = 1900*time.Millisecond, 2*time.Second
	forbidden.ClockErr = redis.ErrClosed
	down := tells("h:1", nil)
	down.Serves = redisx.Unavailable("the cluster does not serve this slot", errors.New("CLUSTERDOWN Hash slot not served"))
	e := &exam{}
	e.servers([]redisx.Server{
		tells("a:1", map[string]string{"redis_version": "6.2.14"}),
		tells("b:1", map[string]string{"maxmemory_policy": "allkeys-lru", "role": "slave", "master_link_status": "up"}),
		tells("c:1", map[string]string{"used_memory": "77"}),
		tells("d:1", map[string]string{"aof_enabled": "0"}),
		tells("e:1", map[string]string{"aof_last_write_status": "err"}),
		tells("r:1", map[string]string{"role": "slave", "master_link_status": "down", "master_host": "m", "master_port": "6379"}),
		ahead, forbidden, down,
		{Addr: "i:1", Err: redisx.Unavailable("redis did not answer in time", nil)},
	})
	r := e.report
	r.want(t, Fail, "reach", "i:1 does not tell about itself: redis did not answer in time")
	r.want(t, OK, "reach", "7 masters and 2 replicas answer")
	r.want(t, Fail, "version", `a:1 runs Redis "6.2.14", at least 7.0`)
	r.want(t, Fail, "eviction", `b:1 (replica) has maxmemory-policy "allkeys-lru"`)
	r.want(t, Warn, "memory", "c:1 uses 77 % of its maxmemory")
	r.want(t, Warn, "persistence", "d:1 keeps no append-only file")
	r.want(t, Fail, "persistence", "e:1 could not write its append-only file (err)")
	r.want(t, Warn, "replication", "r:1 (replica) has no link to its master m:6379 (down)")
	r.want(t, Fail, "serving", "h:1 does not serve: the cluster does not serve this slot")
	r.want(t, Warn, "clocks", "that of f:1 is 1.9s before that of ")
	r.want(t, Fail, "clocks", "g:1: redis: client is closed")
	if r.OK != 2 || len(r.Findings) != 12 {
		t.Errorf("more is told:\n%s", r)
	}
}

// A clock is not called wrong for an answer that took long.
func TestSlowAnswersAreNoWrongClocks(t *testing.T) {
	t.Parallel()
	slow := tells("a:1", nil)
	slow.AheadLeast, slow.AheadMost = -time.Second, 1500*time.Millisecond
	fast := tells("b:1", nil)
	fast.AheadLeast, fast.AheadMost = 1300*time.Millisecond, 1301*time.Millisecond
	e := &exam{}
	e.clocks([]redisx.Server{slow, fast})
	e.report.want(t, OK, "clocks", "within 1s")
}
