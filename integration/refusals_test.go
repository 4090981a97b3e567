package integration

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// refused starts a node that must not come up, and returns what it said.
func refused(t *testing.T, c harness.NodeConfig) string {
	t.Helper()
	p := harness.LaunchNode(t, c)
	if err := p.Wait(t, 20*time.Second); err == nil {
		t.Fatal("the node ended as if all were well")
	}
	return strings.Join(p.LogLines(), "\n")
}

func holds(t *testing.T, said string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("it does not say %q:\n%s", w, said)
		}
	}
	if strings.Contains(said, "panic") || strings.Contains(said, "goroutine ") {
		t.Errorf("it panicked:\n%s", said)
	}
}

// What Redis may be like that a fleet cannot live on: each is refused at start, by name.
func TestARedisThatWillNotDoIsRefused(t *testing.T) {
	t.Parallel()
	redistest.Single(t) // skips, by name, where no real Redis was asked for
	t.Run("absent", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		_ = l.Close()
		holds(t, refused(t, harness.NodeConfig{ID: "a", Seeds: []string{addr}}), addr, "none of the seeds")
	})
	t.Run("not Redis", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
				_ = c.Close()
			}
		}()
		holds(t, refused(t, harness.NodeConfig{ID: "a", Seeds: []string{l.Addr().String()}}), "none of the seeds")
	})
	t.Run("password", func(t *testing.T) {
		t.Parallel()
		s := redistest.NewServer(t, redistest.Password("right-horse"))
		said := refused(t, harness.NodeConfig{ID: "a", Seeds: s.Addrs(), Env: []string{"ORCHESTRATOR_REDIS_PASSWORD=wrong-horse"}})
		holds(t, said, "user name or password")
		if strings.Contains(said, "wrong-horse") {
			t.Error("it printed the password")
		}
		holds(t, refused(t, harness.NodeConfig{ID: "a", Seeds: s.Addrs()}), "password")
		harness.StartNode(t, harness.NodeConfig{ID: "a", Seeds: s.Addrs(), Env: []string{"ORCHESTRATOR_REDIS_PASSWORD=right-horse"}})
	})
	t.Run("evicts", func(t *testing.T) {
		t.Parallel()
		s := redistest.NewServer(t, redistest.MaxMemory(100<<20, "allkeys-lru"))
		holds(t, refused(t, harness.NodeConfig{ID: "a", Seeds: s.Addrs()}), "allkeys-lru", "noeviction")
	})
	t.Run("another fleet's settings", func(t *testing.T) {
		t.Parallel()
		redistest.Each(t, func(t *testing.T, r redistest.Redis) {
			f := startFleet(t, r, 1, "--partitions", "64")
			flags := func(more ...string) []string { return append([]string{"--prefix", f.prefix}, more...) }
			holds(t, refused(t, harness.NodeConfig{ID: "b", Seeds: r.Addrs(), Flags: flags("--partitions", "128")}), "partitions", "64", "128")
			if err := r.Client(t).HSet(t.Context(), f.prefix+":{fleet}:meta", "schema", "99").Err(); err != nil {
				t.Fatal(err)
			}
			holds(t, refused(t, harness.NodeConfig{ID: "b", Seeds: r.Addrs(), Flags: flags("--partitions", "64")}), "schema", "99")
		})
	})
	t.Run("name taken", func(t *testing.T) {
		t.Parallel()
		redistest.Each(t, func(t *testing.T, r redistest.Redis) {
			f := startFleet(t, r, 1)
			said := refused(t, harness.NodeConfig{ID: "node-1", Seeds: r.Addrs(), Flags: []string{"--prefix", f.prefix}})
			holds(t, said, "node-1", f.nodes[0].Addr())
		})
	})
}

// A record that this version cannot read is named and left as it is; everything else goes on.
func TestUnreadableRecordsAreLeftAlone(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 2, "--sync-interval", "1s")
		ids := createMany(t, f.url(0), 20)
		key := homeKey(t, r, f.prefix, ids[0])
		c := r.Client(t)
		blob := c.HGet(t.Context(), key, "blob").Val()
		if err := c.HSet(t.Context(), key, "blob", "\x09"+blob[1:]).Err(); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			a := call(t, "GET", f.url(i)+"/v1/sessions/"+ids[0]+"?consistency=eventual", nil).want(t, 500)
			p := read[problem](t, a)
			if p.Code != "unreadable-record" || !strings.Contains(p.Detail, key) || !strings.Contains(p.Detail, "format 9") {
				t.Fatalf("%+v", p)
			}
		}
		if all := listAll(t, f.url(1), ""); len(all) != 19 {
			t.Fatalf("%d sessions are listed", len(all))
		}
		if got := c.HGet(t.Context(), key, "blob").Val(); got[0] != 9 {
			t.Fatalf("the record was written over: format %d", got[0])
		}
		if err := c.Set(t.Context(), homeKey(t, r, f.prefix, ids[1])+"x", "stranger", time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		other := homeKey(t, r, f.prefix, ids[2])
		if err := c.Del(t.Context(), other).Err(); err != nil {
			t.Fatal(err)
		}
		if err := c.LPush(t.Context(), other, "a stranger's list").Err(); err != nil {
			t.Fatal(err)
		}
		p := read[problem](t, call(t, "GET", f.url(0)+"/v1/sessions/"+ids[2], nil).want(t, 500))
		if p.Code != "unreadable-record" || !strings.Contains(p.Detail, other) {
			t.Fatalf("%+v", p)
		}
		call(t, "PATCH", f.url(0)+"/v1/sessions/"+ids[3], `{"status":"idle"}`).want(t, 200)
	})
}

// homeKey finds the key of a session's home record.
func homeKey(t testing.TB, r redistest.Redis, prefix, id string) (found string) {
	t.Helper()
	eachKey(t, r, prefix, func(_ context.Context, _ *redis.Client, key string) {
		if kind, rest := kindOf(key); kind == "session" && rest == id {
			found = key
		}
	})
	return found
}
