package redisx

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

func TestMain(m *testing.M) { redistest.Main(m) }

func open(t testing.TB, o Options) *Client {
	t.Helper()
	c, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

var incr = NewScript("incr", `redis.call('INCRBY', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])`)

func TestScriptsRunOnServersThatDoNotKnowThem(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		c, prefix := open(t, Options{Seeds: r.Addrs()}), redistest.Prefix(t)
		if c.Clustered() != (r.Masters() > 1) || c.Masters() != r.Masters() {
			t.Fatalf("clustered %v, %d masters", c.Clustered(), c.Masters())
		}
		fresh := NewScript("fresh", fmt.Sprintf("return ARGV[1] .. '%s'", prefix))
		calls := make([]*Call, 30)
		for i := range calls {
			calls[i] = &Call{Script: fresh, Keys: []string{fmt.Sprint(prefix, ":", i)}, Args: []any{i}}
		}
		c.RunAll(t.Context(), calls...)
		for i, call := range calls {
			if call.Err != nil || call.Reply != fmt.Sprint(i, prefix) {
				t.Fatalf("call %d: %v %v", i, call.Reply, call.Err)
			}
		}
	})
}

// One call's failure is its own: the others of the flush are not touched by it.
func TestEachCallHasItsOwnOutcome(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		c, prefix := open(t, Options{Seeds: r.Addrs()}), redistest.Prefix(t)
		broken := NewScript("broken", `return redis.error_reply('BROKEN on purpose')`)
		calls := []*Call{
			{Script: incr, Keys: []string{prefix + ":a"}, Args: []any{1}},
			{Script: broken, Keys: []string{prefix + ":b"}},
			{Script: incr, Keys: []string{prefix + ":c"}, Args: []any{2}},
		}
		c.RunAll(t.Context(), calls...)
		if calls[0].Reply != "1" || calls[2].Reply != "2" || calls[0].Err != nil || calls[2].Err != nil {
			t.Fatalf("%v %v, %v %v", calls[0].Reply, calls[0].Err, calls[2].Reply, calls[2].Err)
		}
		var unavailable *session.UnavailableError
		if !errors.As(calls[1].Err, &unavailable) || !strings.Contains(calls[1].Err.Error(), "BROKEN") {
			t.Fatalf("%v", calls[1].Err)
		}
	})
}

func TestSlotsThatMoveAreFollowed(t *testing.T) {
	t.Parallel()
	cluster := redistest.NewCluster(t)
	c, prefix := open(t, Options{Seeds: cluster.Addrs()}), redistest.Prefix(t)
	key := "{" + prefix + "}:n"
	slot := int(cluster.Client(t).ClusterKeySlot(t.Context(), key).Val())
	from := cluster.MasterOf(t, slot)
	to := cluster.AddMaster(t)
	ctx, stop := context.WithCancel(t.Context())
	var runs atomic.Int64
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for ctx.Err() == nil {
			if _, err := c.Run(context.WithoutCancel(ctx), incr, []string{key}, 1); err != nil {
				failed <- err
				return
			}
			runs.Add(1)
		}
	}()
	cluster.MigrateSlots(t, from, to, slot)
	stop()
	if err := <-failed; err != nil {
		t.Fatalf("after %d runs: %v", runs.Load(), err)
	}
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if top := c.Topology(); top.Masters[top.MasterOf(slot)].Addr != to.Addr() {
		t.Fatalf("slot %d is at %v, want %s", slot, top.Masters[top.MasterOf(slot)], to.Addr())
	}
	t.Logf("%d runs while the slot moved to a master that knew no script", runs.Load())
}

// A killed master is noticed by the first failed call, not a minute later.
func TestAFailoverIsFollowed(t *testing.T) {
	t.Parallel()
	cluster := redistest.NewCluster(t)
	c, prefix := open(t, Options{Seeds: cluster.Addrs(), Patience: 30 * time.Second}), redistest.Prefix(t)
	key := "{" + prefix + "}:n"
	slot := int(cluster.Client(t).ClusterKeySlot(t.Context(), key).Val())
	if _, err := c.Run(t.Context(), incr, []string{key}, 1); err != nil {
		t.Fatal(err)
	}
	cluster.MasterOf(t, slot).Kill(t)
	start := time.Now()
	if _, err := c.Run(t.Context(), incr, []string{key}, 1); err != nil {
		t.Fatal(err)
	}
	t.Logf("the first call after the kill was answered after %s (cluster-node-timeout 1000)", time.Since(start).Round(10*time.Millisecond))
}

// A step of the wall clock, and an answer that took long, leave the picture of Redis's clock alone.
func TestNowFollowsRedis(t *testing.T) {
	t.Parallel()
	c := open(t, Options{Seeds: redistest.Single(t).Addrs()})
	server, err := c.Redis().Time(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	if d := c.Now().Sub(server).Abs(); d > time.Second {
		t.Fatalf("off by %s", d)
	}
	c.clock.Store(&moment{server.Add(time.Hour), time.Now()})
	if d := c.Now().Sub(server); d < time.Hour {
		t.Fatalf("Now does not follow the last look: %s", d)
	}
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := c.Now().Sub(server).Abs(); d > 10*time.Second {
		t.Fatalf("off by %s after another look", d)
	}
}

func TestTopologiesWithHolesAreRefused(t *testing.T) {
	t.Parallel()
	whole := newTopology([]redis.ClusterSlot{
		{Start: 0, End: 8191, Nodes: []redis.ClusterNode{{ID: "a", Addr: "10.0.0.1:6379"}}},
		{Start: 8192, End: 16383, Nodes: []redis.ClusterNode{{ID: "b", Addr: "10.0.0.2:6379"}}},
	})
	if whole.Unserved() != 0 || len(whole.Masters) != 2 || whole.MasterOf(8191) == whole.MasterOf(8192) || whole.Masters[1].Host != "10.0.0.2" {
		t.Fatalf("%+v", whole.Masters)
	}
	if n := newTopology([]redis.ClusterSlot{{Start: 0, End: 99, Nodes: []redis.ClusterNode{{ID: "a"}}}, {Start: 100, End: 200}}).Unserved(); n != slots-100 {
		t.Fatalf("%d slots are served by nobody", n)
	}
}

func TestServersThatWillNotDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ version, policy, says string }{
		{"6.2.14", "noeviction", "6.2.14"}, {"", "noeviction", "at least 7.0"}, {"banana", "noeviction", "banana"}, {"7", "noeviction", "at least 7.0"},
		{"7.0.15", "allkeys-lru", "allkeys-lru"}, {"7.2.0", "", "noeviction"},
		{"7.0.0", "noeviction", ""}, {"8.4.1", "noeviction", ""}, {"10.1", "noeviction", ""},
	} {
		err := checkInfo("host:1", map[string]string{"redis_version": c.version, "maxmemory_policy": c.policy})
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "host:1")) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// An old server says so itself: a stand-in that answers like Redis 6 is refused by name and version.
func TestAnOldServerIsRefused(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go serveOld(l)
	_, err = Open(t.Context(), Options{Seeds: []string{l.Addr().String()}})
	if err == nil || !strings.Contains(err.Error(), "6.2.0") || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Fatalf("%v", err)
	}
}

// serveOld answers INFO as Redis 6.2 would, and everything else with OK or an error.
func serveOld(l net.Listener) {
	info := "# Server\r\nredis_version:6.2.0\r\ncluster_enabled:0\r\nmaxmemory_policy:noeviction\r\n"
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			in := bufio.NewScanner(conn)
			for in.Scan() { // an array of n strings, each behind a line with its length; the first names the command
				n, _ := strconv.Atoi(strings.TrimPrefix(in.Text(), "*"))
				var name string
				for i := range 2 * n {
					in.Scan()
					if i == 1 {
						name = strings.ToLower(in.Text())
					}
				}
				switch name {
				case "hello":
					_, _ = fmt.Fprint(conn, "-ERR unknown command\r\n")
				case "info":
					_, _ = fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(info), info)
				default:
					_, _ = fmt.Fprint(conn, "+OK\r\n")
				}
			}
		}()
	}
}

func TestSeeds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		seeds []string
		says  string
	}{
		{nil, "at least one"}, {[]string{"nohost"}, "nohost"}, {[]string{"redis://a:1", "rediss://b:2"}, "mix"},
		{[]string{"redis://user:secret@host:1/notadb"}, "cannot be read"}, {[]string{"http://a:1"}, "http://a:1"},
	} {
		_, err := Options{Seeds: c.seeds}.parse()
		var invalid *session.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "seeds" || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: %v", c.seeds, err)
		}
	}
	u, err := Options{Seeds: []string{"redis://u:p@a:1", "b:2"}}.parse()
	if err != nil || u.Username != "u" || u.Password != "p" || fmt.Sprint(u.Addrs) != "[a:1 b:2]" {
		t.Fatalf("%+v %v", u, err)
	}
}
