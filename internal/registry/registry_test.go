package registry

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/session"
)

func TestANodeIsSeenAsItIs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		r := f.node("a", func(c *Config) { c.Memory = func() int64 { return 4711 } })
		if age := r.View().Age(); age != math.MaxInt64 {
			t.Errorf("the age of no view is %s", age)
		}
		f.run(r)
		view, err := f.joined("b").Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n, found := view.Node("a")
		self := r.Self()
		if !found || !view.Live(self.Holder) || n.Host != "10.0.0.1" || n.Port != 8080 || n.State != session.Ready || n.MaxSessions != 100 ||
			n.Weight != 1.5 || n.Zone != "z1" || n.Version != "v1" || n.MemoryUsage != 4711 || !n.StartedAt.Equal(self.StartedAt) {
			t.Errorf("seen as %+v, is %+v", n, self)
		}
		if left := n.ExpiresAt.Sub(view.Time()); left <= 0 || left > 2*time.Second {
			t.Errorf("the registration ends in %s", left)
		}
		if since := view.Time().Sub(n.HeartbeatAt); since < -time.Second || since > 3*time.Second {
			t.Errorf("the last beat was %s ago", since)
		}
		if view.Live(session.Holder{Node: "a", Incarnation: "another"}) || view.Live(session.Holder{Node: "c"}) {
			t.Error("a holder that is not registered is live")
		}
		if nodes := view.Nodes(); len(nodes) != 2 || nodes[0].Node != "a" || nodes[1].Node != "b" {
			t.Errorf("nodes are %v", nodes)
		}
	})
}

func TestBeatsKeepTheRegistrationAndTheEndLeavesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		r := f.node("a")
		stop := f.run(r)
		first := r.Self().Holder
		f.redis.Redis().HSet(t.Context(), f.keys.Moves(), "a", 4711)
		began := time.Now()
		for range 3 { // of which the second was sent after began, and has been answered when the third is there
			ends := mustNode(t, r, "a").ExpiresAt
			eventually(t, "a beat", func() bool { return mustNode(t, r, "a").ExpiresAt.After(ends) })
		}
		age, latency := r.LastBeat()
		if most := time.Since(began); age <= 0 || age > most || latency <= 0 || latency > most {
			t.Errorf("the last beat is %s old and took %s", age, latency)
		}
		stop()
		if r.Trusted() {
			t.Error("a node that left trusts itself")
		}
		k := f.keys
		if found := f.exists(k.Nodes(), k.Node("a"), k.Incarnations(), k.Dead(), k.Load(), k.Moves()); len(found) > 0 {
			t.Errorf("left behind: %v", found)
		}
		if ttl := f.redis.Redis().PTTL(t.Context(), k.Recovery(first)).Val(); ttl > 6*time.Second {
			t.Errorf("the certificate is kept for %s", ttl)
		}
		eventually(t, "the certificate is gone", func() bool { return len(f.exists(k.Recovery(first))) == 0 })
	})
}

func mustNode(t *testing.T, r *Registry, id session.NodeID) session.Node {
	t.Helper()
	view, err := r.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, found := view.Node(id)
	if !found {
		t.Fatalf("%s is not in the view", id)
	}
	return n
}

func TestAStateSetElsewhereOutlivesBeats(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		a, b := f.node("a"), f.joined("b")
		f.run(a)
		for _, s := range []session.NodeState{session.Cordoned, session.Draining, session.Ready, session.Cordoned} {
			n, err := b.SetState(t.Context(), "a", s)
			if err != nil || n.State != s || n.Incarnation != a.Self().Incarnation {
				t.Fatalf("SetState(%s) = %+v, %v", s, n, err)
			}
			eventually(t, "the node learns its state", func() bool { return a.Self().State == s })
			if got := mustNode(t, b, "a").State; got != s {
				t.Errorf("after a beat the state is %s, want %s", got, s)
			}
		}
	})
}

func TestSetStateRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		r := f.joined("a")
		if _, err := r.SetState(t.Context(), "nobody", session.Ready); !errors.Is(err, session.ErrNodeNotFound) {
			t.Errorf("got %v", err)
		}
		var invalid *session.InvalidError
		for _, s := range []session.NodeState{session.Dead, "", "READY"} {
			if _, err := r.SetState(t.Context(), "a", s); !errors.As(err, &invalid) || invalid.Field != "state" {
				t.Errorf("%q: got %v", s, err)
			}
		}
	})
}

func TestTrustEndsBeforeTheRegistration(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		r := f.joined("a")
		if !r.Trusted() {
			t.Fatal("a node that has just registered does not trust itself")
		}
		eventually(t, "trust ends", func() bool { return !r.Trusted() })
		if age, _ := r.LastBeat(); age < 1600*time.Millisecond {
			t.Errorf("trust ended after %s already", age)
		}
		if _, err := r.Dead(t.Context(), 0); !errors.Is(err, session.ErrFenced) {
			t.Errorf("a node that does not trust itself judges others: %v", err)
		}
	})
}

func TestAStuckNodeStopsBeating(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		var stuck = make(chan struct{})
		r := f.node("a", timeout(time.Second), func(c *Config) {
			c.Pulse = func(ctx context.Context) error {
				select {
				case <-stuck:
					<-ctx.Done()
					return ctx.Err()
				default:
					return nil
				}
			}
		})
		f.run(r)
		watch := f.node("b")
		f.run(watch)
		close(stuck)
		eventually(t, "it stops trusting itself", func() bool { return !r.Trusted() })
		eventually(t, "it is found dead", func() bool {
			dead, err := watch.Dead(t.Context(), 0)
			return err == nil && len(dead) == 1 && dead[0].Node == "a"
		})
		if n := f.log.count("heartbeat failed"); n != 1 {
			t.Errorf("logged %d times", n)
		}
	})
}

func TestWakeMakesTheViewFresh(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		r := f.node("a", timeout(30*time.Second), func(c *Config) { c.GossipInterval = time.Hour })
		f.run(r)
		b := f.joined("b")
		for range 100 {
			r.Wake()
		}
		eventually(t, "the view holds the new node", func() bool { return r.View().Live(b.Self().Holder) })
	})
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for field, edit := range map[string]func(*Config){
		"node":             func(c *Config) { c.Self.Node = "a/b" },
		"advertisedHost":   func(c *Config) { c.Self.Host = "" },
		"port":             func(c *Config) { c.Self.Port = 70000 },
		"maxSessions":      func(c *Config) { c.Self.MaxSessions = 0 },
		"weight":           func(c *Config) { c.Self.Weight = math.NaN() },
		"heartbeatTimeout": func(c *Config) { c.HeartbeatTimeout = time.Millisecond },
		"gossipInterval":   func(c *Config) { c.GossipInterval = -1 },
	} {
		cfg := Config{Self: session.Node{Holder: session.Holder{Node: "a"}, Host: "h", Port: 1, MaxSessions: 1}}
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		edit(&cfg)
		var invalid *session.InvalidError
		if err := cfg.Validate(); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

func TestRegistrationsThatCannotBeReadAreLeftOut(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		r := f.joined("a")
		f.joined("b")
		ctx, rdb, key := t.Context(), f.redis.Redis(), f.keys.Node("b")
		whole := rdb.HGetAll(ctx, key).Val()
		for field, value := range map[string]string{
			"incarnation": "", "host": "", "port": "seventy", "state": "asleep", "maxSessions": "-1", "weight": "Inf",
			"startedAt": "yesterday", "heartbeatAt": "1763846487123", "memoryUsage": "much",
		} {
			rdb.HSet(ctx, key, field, value)
			for range 3 {
				view, err := r.Refresh(ctx)
				if _, found := view.Node("b"); err != nil || found || len(view.Nodes()) != 1 {
					t.Fatalf("%s=%q: %v, %v", field, value, view.Nodes(), err)
				}
			}
			if n := f.log.count("field " + field + " holds"); n != 1 || !strings.Contains(f.log.String(), key) {
				t.Errorf("%s: logged %d times:\n%s", field, n, f.log)
			}
			rdb.HSet(ctx, key, field, whole[field])
		}
		mustNode(t, r, "b")
		rdb.Del(ctx, key)
		rdb.Set(ctx, key, "text", 0)
		if view, err := r.Refresh(ctx); err != nil || len(view.Nodes()) != 1 {
			t.Errorf("a key of another type: %v, %v", view.Nodes(), err)
		}
	})
}

func TestMeasuredMemoryIsPlausible(t *testing.T) {
	t.Parallel()
	if n := residentBytes(); n < 1<<20 || n > 1<<40 {
		t.Errorf("%d bytes", n)
	}
}

func TestCheckMeta(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		r, ctx := f.node("a"), t.Context()
		first, err := r.CheckMeta(ctx, Meta{Schema, 256, 2, ""})
		if err != nil || len(first.Secret) != 64 || first != (Meta{Schema, 256, 2, first.Secret}) {
			t.Fatalf("the first: %+v, %v", first, err)
		}
		for range 2 {
			if got, err := r.CheckMeta(ctx, first); got != first || err != nil {
				t.Fatalf("got %+v, %v", got, err)
			}
		}
		if got, err := r.CheckMeta(ctx, Meta{Schema, 256, 3, ""}); got != first || err != nil || f.log.count("replicationFactor differs") != 1 {
			t.Errorf("another replication factor: %+v, %v", got, err)
		}
		for field, own := range map[string]Meta{"partitions": {Schema, 128, 2, ""}, "schema": {Schema + 1, 256, 2, ""}} {
			_, err := r.CheckMeta(ctx, own)
			var invalid *session.InvalidError
			if !errors.As(err, &invalid) || invalid.Field != field {
				t.Errorf("%s: got %v", field, err)
			}
		}
		if _, err := r.CheckMeta(ctx, Meta{Schema, 128, 2, ""}); !strings.Contains(err.Error(), "128") || !strings.Contains(err.Error(), "256") {
			t.Errorf("the error does not name both values: %v", err)
		}
		f.redis.Redis().HSet(ctx, f.keys.Meta(), "partitions", "many")
		var corrupt *session.CorruptError
		if _, err := r.CheckMeta(ctx, first); !errors.As(err, &corrupt) || corrupt.Key != f.keys.Meta() {
			t.Errorf("got %v", err)
		}
	})
}

// A fleet begun by an older version has no secret: the first node of this one makes it, whichever comes after takes it, and the older ones
// go on. A node that does not join leaves none.
func TestMetaGetsASecret(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		ctx, key := t.Context(), f.keys.Meta()
		f.redis.Redis().HSet(ctx, key, "schema", Schema, "partitions", 256, "replicationFactor", 2)
		if _, err := f.node("a").CheckMeta(ctx, Meta{Schema, 128, 2, ""}); err == nil || f.redis.Redis().HExists(ctx, key, "secret").Val() {
			t.Errorf("a node with other partitions: %v, and there is a secret", err)
		}
		one, err := f.node("b").CheckMeta(ctx, Meta{Schema, 256, 2, ""})
		if err != nil || len(one.Secret) != 64 || f.redis.Redis().HGet(ctx, key, "secret").Val() != one.Secret {
			t.Fatalf("%+v, %v", one, err)
		}
		if two, err := f.node("c").CheckMeta(ctx, Meta{Schema, 256, 2, "of its own"}); err != nil || two != one {
			t.Errorf("%+v, %v; want %+v", two, err, one)
		}
		for _, damaged := range []string{"short", strings.Repeat("x", 64)} {
			f.redis.Redis().HSet(ctx, key, "secret", damaged)
			var corrupt *session.CorruptError
			if _, err := f.node("d").CheckMeta(ctx, Meta{Schema, 256, 2, ""}); !errors.As(err, &corrupt) || corrupt.Key != key || strings.Contains(err.Error(), damaged) {
				t.Errorf("secret %q: %v", damaged, err)
			}
		}
	})
}

// A Redis that has come back empty is told again what the nodes agreed on, by those that run.
func TestMetaIsUpheld(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		ctx, key, r := t.Context(), f.keys.Meta(), f.node("a")
		agreed, err := r.CheckMeta(ctx, Meta{Schema, 256, 2, ""})
		if err != nil {
			t.Fatal(err)
		}
		f.run(r)
		f.redis.Redis().Del(ctx, key)
		eventually(t, "it stands again", func() bool { return len(f.exists(key)) == 1 })
		if got, err := f.node("b").CheckMeta(ctx, Meta{Schema, 256, 3, ""}); err != nil || got != agreed {
			t.Errorf("%v, %v; want %v", got, err, agreed)
		}
		if _, err := f.node("c").CheckMeta(ctx, Meta{Schema, 128, 2, ""}); err == nil {
			t.Error("a node with other partitions is let in")
		}
		f.redis.Redis().HSet(ctx, key, "partitions", 128) // as by a node that began before it stood again
		eventually(t, "that is told", func() bool { return f.log.count("other settings stand") == 1 })
		f.redis.Redis().Del(ctx, key)
		eventually(t, "it stands again", func() bool { return f.redis.Redis().HGet(ctx, key, "partitions").Val() == "256" })
		if f.log.count("other settings stand") != 1 {
			t.Errorf("log:\n%s", f.log)
		}
	})
}
