package redistest_test

import (
	"context"
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
)

// once makes a client try each command once, as long as its context says.
func once(o *redis.UniversalOptions) {
	o.MaxRetries, o.ContextTimeoutEnabled, o.DialerRetries = -1, true, 1
}

func TestLinkDelays(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t, redistest.Proxied())
	client := s.Client(t, once)
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	const delay = 80 * time.Millisecond
	s.Node().Link(t).Delay(delay)
	start := time.Now()
	if err := client.Ping(t.Context()).Err(); err != nil || time.Since(start) < delay {
		t.Errorf("a delayed round trip took %s, %v", time.Since(start), err)
	}
}

func TestLinkResetsAfterExecution(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t, redistest.Proxied())
	client := s.Client(t, once)
	const calls = 400
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	s.Node().Link(t).Resets(0.1, 7)
	lost := 0
	for range calls {
		if err := client.Incr(t.Context(), "n").Err(); err != nil {
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			lost++
		}
	}
	got, err := s.Node().Admin(t).Get(t.Context(), "n").Int()
	if err != nil || got < calls-lost || got > calls || lost == 0 || got == calls-lost || lost != s.Node().Link(t).Lost() {
		t.Errorf("%d calls, %d lost their reply, %d executed, %v", calls, lost, got, err)
	}
	t.Logf("%d calls, %d lost their reply, %d executed", calls, lost, got)
	s.Node().Link(t).Heal()
	for range calls {
		if err := client.Incr(t.Context(), "n").Err(); err != nil {
			t.Fatalf("after Heal: %v", err)
		}
	}
}

func TestLinkHangsAndCuts(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t, redistest.Proxied())
	client, link := s.Client(t, once), s.Node().Link(t)
	set := func(limit time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		return client.Set(ctx, "k", "v", 0).Err()
	}
	if err := set(time.Minute); err != nil {
		t.Fatal(err)
	}
	link.Hang(true)
	for range 2 { // on the connection there was, then on a new one
		if err := set(100 * time.Millisecond); !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
			t.Errorf("a hanging link: %v", err)
		}
	}
	if err := s.Node().Admin(t).Ping(t.Context()).Err(); err != nil {
		t.Errorf("the way past a hanging link: %v", err)
	}
	link.Hang(false)
	if err := set(time.Minute); err != nil {
		t.Errorf("after the hanging: %v", err)
	}
	link.Cut(true)
	for range 2 {
		if err := set(10 * time.Second); err == nil || isTimeout(err) {
			t.Errorf("a cut link: %v", err)
		}
	}
	link.Cut(false)
	if err := set(time.Minute); err != nil {
		t.Errorf("after the cut: %v", err)
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func TestProxyCutsOneClientOff(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t)
	p := redistest.NewProxy(t, s.Addr())
	client := s.Client(t, once, func(o *redis.UniversalOptions) { o.Addrs = []string{p.Addr()} })
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	p.Cut(true)
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Error("a client that was cut off got through")
	}
	if err := s.Client(t).Ping(t.Context()).Err(); err != nil {
		t.Errorf("another client: %v", err)
	}
	p.Heal()
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("healed: %v", err)
	}
}

// A master in a minority acknowledges for a while, is replaced, and loses that when it comes back.
func TestIsolatedMasterIsReplaced(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t, redistest.Proxied())
	const slot = 0
	old := c.MasterOf(t, slot)
	key := keyIn(t, c.Client(t), c, old)
	c.Isolate(t, old)
	alone := redis.NewClient(&redis.Options{Addr: old.Addr()})
	t.Cleanup(func() { _ = alone.Close() })
	if err := alone.Set(t.Context(), key, "lost", 0).Err(); err != nil {
		t.Errorf("the isolated master does not acknowledge: %v", err)
	}
	master := c.AwaitNewMaster(t, slot, old)
	if got, err := master.Admin(t).Get(t.Context(), key).Result(); !errors.Is(err, redis.Nil) {
		t.Errorf("the write of a minority was replicated: %q, %v", got, err)
	}
	c.Rejoin(t, old)
	c.WaitReady(t)
	if replicas := c.ReplicasOf(t, master); len(replicas) != 1 || replicas[0] != old {
		t.Errorf("replicas of %s are %v, want %s", master, replicas, old)
	}
}

func TestLaggingReplicaIsPromotedWithoutWhatItMissed(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t, redistest.Proxied())
	const slot = 0
	old, client := c.MasterOf(t, slot), c.Client(t)
	key := keyIn(t, client, c, old)
	if err := client.Set(t.Context(), key, "old", 0).Err(); err != nil {
		t.Fatal(err)
	}
	c.WaitReady(t) // the replica has it
	c.Lag(t, c.ReplicasOf(t, old)[0])
	if err := client.Set(t.Context(), key, "new", 0).Err(); err != nil {
		t.Fatal(err)
	}
	old.Kill(t)
	master := c.AwaitNewMaster(t, slot, old)
	if got, err := master.Admin(t).Get(t.Context(), key).Result(); got != "old" || err != nil {
		t.Errorf("the promoted replica has %q, %v", got, err)
	}
}

// keyIn returns a key in a slot of the master.
func keyIn(t *testing.T, client redis.UniversalClient, c *redistest.Cluster, master *redistest.Node) string {
	t.Helper()
	for tag := range 100 {
		if slot := client.ClusterKeySlot(t.Context(), key(tag, 0)).Val(); c.MasterOf(t, int(slot)) == master {
			return key(tag, 0)
		}
	}
	t.Fatal("no key lies on the master")
	return ""
}
