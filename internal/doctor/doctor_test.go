package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

func TestAFleetInOrder(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := newFleet(t, r)
		f.create(t, 1200, f.owner, nil)
		before := dump(t, r, f.cfg.Prefix)
		seen := make(chan int, 2000)
		got := f.examine(t, func(c *Config) { c.Progress = func(n int) { seen <- n } })
		got.want(t, OK, "version", "Redis 7.")
		got.want(t, OK, "eviction", "noeviction")
		got.want(t, OK, "serving", "")
		got.want(t, OK, "clocks", "")
		got.want(t, OK, "meta", "8 partitions, replicationFactor 2")
		got.want(t, OK, "nodes", "2 registered: 2 ready, 0 cordoned, 0 draining")
		got.want(t, OK, "recovery", "")
		got.want(t, OK, "brake", "off")
		got.want(t, OK, "counts", "1200 sessions owned")
		got.want(t, OK, "owners", "")
		if r.Masters() == 1 {
			got.want(t, OK, "reach", "1 master and 0 replicas answer")
			got.want(t, Warn, "masters", "there are fewer Redis masters (1) than records wanted of each session (replicationFactor 2)")
			got.want(t, OK, "copies", "1200 sessions, each with no copies apart from home")
		} else {
			got.want(t, OK, "reach", "3 masters and 3 replicas answer")
			got.want(t, OK, "replication", "3 replicas linked")
			got.want(t, OK, "masters", "3 masters")
			got.want(t, OK, "slots", "all 16384")
			got.want(t, OK, "replicas", "each master has one")
			got.want(t, OK, "copies", "1200 sessions, each with 1 copy apart from home")
		}
		if got.Fail != 0 || len(seen) != 1200 {
			t.Errorf("progress was told of %d sessions, and:\n%s", len(seen), got)
		}
		if after := dump(t, r, f.cfg.Prefix); !slices.Equal(before, after) {
			t.Error("something was written")
		}
		short := f.examine(t, func(c *Config) { c.Sessions = false })
		if slices.ContainsFunc(short.Findings, func(f Finding) bool { return f.Check == "copies" || f.Check == "owners" }) {
			t.Error("sessions were read though that was not asked for")
		}
	})
}

// dump is all that lies under a prefix, in order.
func dump(t *testing.T, r redistest.Redis, prefix string) (all []string) {
	t.Helper()
	for _, n := range r.Nodes() {
		c := n.Admin(t)
		for _, key := range c.Keys(t.Context(), prefix+":*").Val() {
			all = append(all, key+"="+c.Dump(t.Context(), key).Val())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// What is planted in a fleet is told, under its check.
func TestPlantedHarmIsTold(t *testing.T) {
	t.Parallel()
	f := newFleet(t, redistest.Shared(t))
	ctx, k := t.Context(), f.keys
	f.create(t, 20, f.owner, nil)
	shared := f.create(t, 12, f.owner, f.onHomesMaster(t))
	few := f.create(t, 1, f.owner, func(session.ID) []int { return nil })
	gone := f.create(t, 1, session.Holder{Node: "gone", Incarnation: "0123456789abcdef"}, nil)
	absent, unread := f.create(t, 1, f.owner, nil), f.create(t, 1, f.owner, nil)
	f.plant(t, func(p redis.Pipeliner) {
		p.Del(ctx, k.Session(absent[0]))
		p.HSet(ctx, k.Session(unread[0]), "chain", "x")
		p.ZIncrBy(ctx, k.Load(), 3, "node-b")
		p.HSet(ctx, k.Node("node-b"), "quarantine", "its port refuses")
		p.HSet(ctx, k.Node("node-a"), "state", "cordoned")
		p.ZAdd(ctx, k.Dead(), redis.Z{Member: "late/0123456789abcdef", Score: 1})
		p.ZAdd(ctx, k.Nodes(), redis.Z{Member: "ended", Score: 1})
		p.Set(ctx, k.Brake(), "1", 0)
	})
	r := f.examine(t)
	found := r.want(t, Fail, "copies", "12 sessions with home and copies not on different masters: ")
	slices.Sort(shared)
	if !slices.Equal(found.Sessions, shared) || !strings.Contains(found.Found, string(shared[9])+" and 2 more") {
		t.Errorf("%+v, want %v", found, shared)
	}
	r.want(t, Fail, "copies", "1 session with fewer than 1 copy: "+string(few[0]))
	r.want(t, Warn, "owners", "1 session of nodes that are not registered: "+string(gone[0]))
	r.want(t, Warn, "records", "1 session listed, and without a record at home: "+string(absent[0]))
	r.want(t, Fail, "records", "1 session with a home record that cannot be read: "+string(unread[0]))
	r.want(t, Warn, "counts", "node-b counts 3 and owns 0")
	r.want(t, Warn, "nodes", "node-b is quarantined: its port refuses")
	r.want(t, OK, "nodes", "2 registered: 1 ready, 1 cordoned")
	r.want(t, Warn, "recovery", "ended, late")
	r.want(t, Warn, "brake", "more than half")
	other := f.examine(t, func(c *Config) { c.Partitions, c.ReplicationFactor = 16, 3 })
	other.want(t, Fail, "meta", "has 8 partitions, 16 are configured")
	other.want(t, Fail, "copies", "with fewer than 2 copies")
	f.examine(t, func(c *Config) { c.ReplicationFactor = 1 }).want(t, Warn, "meta", "replicationFactor 2, 1 is configured")
	f.examine(t, func(c *Config) { c.Prefix += "x" }).want(t, OK, "meta", "no fleet yet")
	f.plant(t, func(p redis.Pipeliner) {
		p.HSet(ctx, k.Node("node-b"), "port", "x")
		p.HSet(ctx, k.Meta(), "schema", 99)
	})
	f.examine(t).want(t, Fail, "meta", "has schema 99")
	f.plant(t, func(p redis.Pipeliner) { p.HSet(ctx, k.Meta(), "schema", 1) })
	r = f.examine(t)
	r.want(t, Warn, "nodes", "field port holds")
	r.want(t, Warn, "nodes", "1 registered: 0 ready, 1 cordoned")
}

// A cluster is examined as it stands, whatever of it does not.
func TestABrokenClusterIsExamined(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t, redistest.NodeTimeout(2*time.Second))
	f := newFleet(t, c)
	f.create(t, 30, f.owner, nil)
	fleetSlot := int(c.Client(t).ClusterKeySlot(t.Context(), f.keys.Meta()).Val())
	lost := c.MasterOf(t, (fleetSlot+8192)%16384)
	replica := c.ReplicasOf(t, lost)[0]
	set(t, replica, "maxmemory-policy", "allkeys-lru")
	f.examine(t).want(t, Fail, "eviction", replica.Addr()+` (replica) has maxmemory-policy "allkeys-lru"`)
	replica.Kill(t)
	r := f.examine(t)
	r.want(t, Warn, "replicas", lost.Addr()+" has no replica")
	r.want(t, OK, "copies", "30 sessions")
	lost.Pause(t)
	began := time.Now()
	r = f.examine(t)
	r.want(t, Fail, "reach", lost.Addr()+" does not tell about itself")
	r.want(t, OK, "reach", "2 masters and 2 replicas answer")
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	lost.Resume(t)
	drop(t, c, replica, 0)
	r = f.examine(t)
	r.want(t, Fail, "slots", "1 of 16384 slots have no master")
	r.want(t, Fail, "sessions", "1 of 8 partitions were not looked through: ")
	for _, n := range c.Nodes() {
		if n != replica {
			set(t, n, "cluster-require-full-coverage", "yes")
		}
	}
	drop(t, c, replica, 1)
	r = f.examine(t)
	r.want(t, Fail, "serving", "does not serve: the cluster does not serve this slot")
	r.want(t, Fail, "meta", "not found out: the cluster does not serve this slot")
}

// drop leaves a slot to nobody, on all nodes but one that is gone.
func drop(t *testing.T, c *redistest.Cluster, gone *redistest.Node, slot int) {
	t.Helper()
	for _, n := range c.Nodes() {
		if n != gone {
			n.Admin(t).Do(t.Context(), "CLUSTER", "DELSLOTS", slot) // refused where it is known to be nobody's
		}
	}
}

func set(t *testing.T, n *redistest.Node, name, value string) {
	t.Helper()
	if err := n.Admin(t).ConfigSet(t.Context(), name, value).Err(); err != nil {
		t.Fatal(err)
	}
}

// Whoever may not ask is told so, and the rest is asked.
func TestWhatMayNotBeAskedIsToldSo(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t, redistest.ACL("user default on nopass ~* &* +@all -time -exists"))
	f := &patientFleet{cfg: Config{Redis: redisOptions(s), Prefix: "orch", Partitions: 8, ReplicationFactor: 1}}
	r := f.examine(t)
	r.want(t, Warn, "clocks", "not asked: ")
	r.want(t, Warn, "serving", "was not asked for a key")
	r.want(t, Warn, "meta", "not asked: ")
	r.want(t, OK, "masters", "1 master for replicationFactor 1")
}

func TestTimeEndsIt(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t)
	s.Node().Pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	r, err := Examine(ctx, Config{Redis: redisOptions(s), Prefix: "orch", Partitions: 8, ReplicationFactor: 1})
	if err != nil || time.Since(began) > 5*time.Second {
		t.Fatalf("%v after %s", err, time.Since(began))
	}
	r.want(t, Fail, "reach", "none of the seeds")
	var invalid *session.InvalidError
	if _, err := Examine(t.Context(), Config{Prefix: "orch", Partitions: 8}); !errors.As(err, &invalid) {
		t.Errorf("without seeds: %v", err)
	}
}
