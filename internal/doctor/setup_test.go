package doctor

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

func TestMain(m *testing.M) { redistest.Main(m) }

const partitions = 8

// patientFleet is a fleet to be examined: two nodes that are registered and do nothing, and what a test does to it.
type patientFleet struct {
	redis *redisx.Client
	keys  *keyspace.Keys
	store *sessionstore.Store
	cfg   Config
	owner session.Holder
}

func newFleet(t *testing.T, r redistest.Redis) *patientFleet {
	t.Helper()
	f := &patientFleet{cfg: Config{Redis: redisx.Options{Seeds: r.Addrs()}, Prefix: redistest.Prefix(t), Partitions: partitions,
		ReplicationFactor: 2, HeartbeatTimeout: 5 * time.Second, Sessions: true}}
	var err error
	if f.redis, err = redisx.Open(t.Context(), f.cfg.Redis); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.redis.Close() })
	if f.keys, err = keyspace.New(f.cfg.Prefix, partitions); err != nil {
		t.Fatal(err)
	}
	if f.store, err = sessionstore.New(f.redis, f.keys, sessionstore.Config{}); err != nil {
		t.Fatal(err)
	}
	f.owner = f.join(t, "node-a")
	f.join(t, "node-b")
	return f
}

// join registers a node until the test ends. Its next beat comes after that.
func (f *patientFleet) join(t *testing.T, id session.NodeID) session.Holder {
	t.Helper()
	self := session.Node{Holder: session.Holder{Node: id}, Host: "10.0.0.1", Port: 8080, MaxSessions: 1000}
	r, err := registry.New(f.redis, f.keys, registry.Config{Self: self, HeartbeatTimeout: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.CheckMeta(t.Context(), registry.Meta{Schema: registry.Schema, Partitions: partitions, ReplicationFactor: 2}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	select {
	case <-r.Joined():
	case err := <-ended:
		t.Fatalf("%s did not join: %v", id, err)
	}
	return r.Self().Holder
}

// create makes sessions of an owner, counted, with the chain that place gives (nil: where they should be).
func (f *patientFleet) create(t *testing.T, n int, owner session.Holder, place func(session.ID) []int) (ids []session.ID) {
	t.Helper()
	if place == nil {
		place = f.store.ChainFor
	}
	births := make([]sessionstore.Birth, n)
	for i := range births {
		id := f.store.NewID()
		ids = append(ids, id)
		births[i] = sessionstore.Birth{ID: id, Owner: owner, Chain: place(id),
			Draft: session.Draft{Type: "t", Name: "n", Workspace: "/w", Status: session.Active}}
	}
	for _, res := range f.store.Create(t.Context(), births...) {
		if res.Err != nil {
			t.Fatal(res.Err)
		}
	}
	f.plant(t, func(p redis.Pipeliner) { p.ZIncrBy(t.Context(), f.keys.Load(), float64(n), string(owner.Node)) })
	return ids
}

// onHomesMaster returns what names a copy tag that lies where home lies.
func (f *patientFleet) onHomesMaster(t *testing.T) func(id session.ID) []int {
	return func(id session.ID) []int {
		t.Helper()
		p, top := f.keys.Partition(id), f.redis.Topology()
		for tag := 1; tag <= keyspace.CopyTags; tag++ {
			if top.MasterOf(f.keys.CopySlot(p, tag)) == top.MasterOf(f.keys.HomeSlot(p)) {
				return []int{tag}
			}
		}
		t.Fatal("no copy tag shares home's master")
		return nil
	}
}

// plant does harm.
func (f *patientFleet) plant(t *testing.T, harm func(redis.Pipeliner)) {
	t.Helper()
	_, err := f.redis.Redis().Pipelined(t.Context(), func(p redis.Pipeliner) error { harm(p); return nil })
	if err != nil {
		t.Fatal(err)
	}
}

func (f *patientFleet) examine(t *testing.T, edits ...func(*Config)) Report {
	t.Helper()
	cfg := f.cfg
	for _, edit := range edits {
		edit(&cfg)
	}
	r, err := Examine(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// want fails the test unless the report has a finding like this, and returns it.
func (r Report) want(t *testing.T, status Status, check, text string) Finding {
	t.Helper()
	for _, f := range r.Findings {
		if f.Status == status && f.Check == check && strings.Contains(f.Found, text) {
			if (status == OK) != (f.Do == "") {
				t.Errorf("%+v: what is well needs nothing done, and what is not does", f)
			}
			return f
		}
	}
	t.Errorf("no %s of %s says %q:\n%s", status, check, text, r)
	return Finding{}
}

// String is for failures of tests.
func (r Report) String() string {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(string(f.Status) + " " + f.Check + ": " + f.Found + "\n")
	}
	return b.String()
}

func redisOptions(r redistest.Redis) redisx.Options { return redisx.Options{Seeds: r.Addrs()} }
