package sessionstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

var (
	holderA = session.Holder{Node: "node-a", Incarnation: "aaaaaaaaaaaaaaaa"}
	holderB = session.Holder{Node: "node-b", Incarnation: "bbbbbbbbbbbbbbbb"}
)

// bundle is one store on a prefix of its own.
type bundle struct {
	*Store
	client *redisx.Client
}

// setup opens a store on r; partitions are few so that tests meet every one of them.
func setup(t testing.TB, r redistest.Redis, partitions int) bundle {
	t.Helper()
	c, err := redisx.Open(t.Context(), redisx.Options{Seeds: r.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	k, err := keyspace.New(redistest.Prefix(t), partitions)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, c, k, Config{})
}

// open is New for tests that play with records just written: its sync rounds look at those, too.
func open(tb testing.TB, c *redisx.Client, k *keyspace.Keys, cfg Config) bundle {
	tb.Helper()
	s, err := New(c, k, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	s.takes = 0
	return bundle{s, c}
}

func draft(name string) session.Draft {
	return session.Draft{Type: "development", Name: name, Workspace: "/w/" + name, Status: session.Active,
		Config: map[string]any{"model": "large", "depth": int64(3), "nested": map[string]any{"on": true, "list": []any{int64(1), "two", nil, 2.5}}},
		Labels: map[string]string{"tier": "gold"}}
}

func (b bundle) create(t testing.TB, name string, owner session.Holder) session.Session {
	t.Helper()
	id := b.NewID()
	res := b.Create(t.Context(), Birth{ID: id, Draft: draft(name), Owner: owner, Chain: b.ChainFor(id)})
	if res[0].Err != nil {
		t.Fatal(res[0].Err)
	}
	return res[0].Session
}

func TestLifeOfASession(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 8)
		made := b.create(t, "one", holderA)
		for _, c := range []session.Consistency{session.Linearizable, session.Eventual} {
			got, err := b.Get(ctx, made.ID, c)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(made) {
				t.Fatalf("read %v %v, made %v", got, err, made)
			}
		}
		if want := min(2, r.Masters()) - 1; made.Copies != want {
			t.Fatalf("%d copies, want %d", made.Copies, want)
		}
		status := session.Idle
		got, err := b.Update(ctx, made.ID, b.NewOp(), session.Patch{Status: &status}, session.Condition{IfMatch: []string{made.Stamp.String()}, Epoch: 1})
		if err != nil || got.Status != session.Idle || got.Stamp.Version != 1 || got.Stamp.Epoch != 1 {
			t.Fatalf("updated %v %v", got, err)
		}
		var mismatch *session.VersionMismatchError
		if _, err = b.Update(ctx, made.ID, b.NewOp(), session.Patch{}, session.Condition{IfMatch: []string{made.Stamp.String()}}); !errors.As(err, &mismatch) {
			t.Fatalf("old ETag: %v", err)
		}
		taken := b.TakeOver(ctx, Takeover{ID: made.ID, From: holderA, Epoch: 1, To: holderB})
		if taken[0].Err != nil || taken[0].Session.Holder != holderB || taken[0].Session.Stamp.Epoch != 2 {
			t.Fatalf("taken over: %+v", taken[0])
		}
		var stale *session.StaleEpochError
		if _, err = b.Update(ctx, made.ID, b.NewOp(), session.Patch{Status: &status}, session.Condition{Epoch: 1}); !errors.As(err, &stale) || stale.Current != 2 {
			t.Fatalf("old epoch: %v", err)
		}
		if again := b.TakeOver(ctx, Takeover{ID: made.ID, From: holderA, Epoch: 1, To: holderA}); !errors.As(again[0].Err, &stale) {
			t.Fatalf("second takeover: %v", again[0].Err)
		}
		if n, err := b.Count(ctx, holderB.Node); err != nil || n != 1 {
			t.Fatalf("b owns %d %v", n, err)
		}
		if n, err := b.Count(ctx, holderA.Node); err != nil || n != 0 {
			t.Fatalf("a owns %d %v", n, err)
		}
		if was, err := b.Delete(ctx, made.ID, b.NewOp(), session.Condition{}, nil); err != nil || was.Holder != holderB {
			t.Fatalf("deleted %v %v", was, err)
		}
		for range 2 {
			if _, err := b.Get(ctx, made.ID, session.Linearizable); !errors.Is(err, session.ErrNotFound) {
				t.Fatalf("after delete: %v", err)
			}
		}
		if _, err := b.Delete(ctx, made.ID, b.NewOp(), session.Condition{}, nil); !errors.Is(err, session.ErrNotFound) {
			t.Fatalf("second delete: %v", err)
		}
		if n, err := b.Count(ctx, holderB.Node); err != nil || n != 0 {
			t.Fatalf("b owns %d %v", n, err)
		}
	})
}

func TestListPages(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 32)
		births := make([]Birth, 300)
		for i := range births {
			id := b.NewID()
			owner := holderA
			if i%3 == 0 {
				owner = holderB
			}
			births[i] = Birth{ID: id, Draft: draft(fmt.Sprint("s", i)), Owner: owner, Chain: b.ChainFor(id)}
		}
		for _, res := range b.Create(ctx, births...) {
			if res.Err != nil {
				t.Fatal(res.Err)
			}
		}
		for _, limit := range []int{1, 7, 100, 1000} {
			for owner, want := range map[session.NodeID]int{"": 300, "node-a": 200, "node-b": 100} {
				seen, token := map[session.ID]bool{}, ""
				f := session.Filter{Labels: session.Selector{session.Equals("tier", "gold")}}
				if owner != "" {
					f.Owners = []session.NodeID{owner}
				}
				for {
					page, err := b.List(ctx, session.Listing{Filter: f, Limit: limit, Token: token})
					if err != nil || len(page.Sessions) > limit {
						t.Fatalf("%d sessions, %v", len(page.Sessions), err)
					}
					for _, s := range page.Sessions {
						if seen[s.ID] {
							t.Fatalf("%s twice", s.ID)
						}
						seen[s.ID] = true
					}
					if token = page.Next; token == "" {
						break
					}
				}
				if len(seen) != want {
					t.Fatalf("limit %d owner %q: %d sessions, want %d", limit, owner, len(seen), want)
				}
			}
		}
	})
}

func TestConcurrentUpdatesAllCount(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b := setup(t, r, 4)
		made := b.create(t, "busy", holderA)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		const writers, each = 5, 6 // no more in all than a record remembers
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					label := "x"
					p := session.Patch{Labels: map[string]*string{fmt.Sprintf("w%d.%d", w, i): &label}}
					if _, err := b.Update(ctx, made.ID, b.NewOp(), p, session.Condition{}); err != nil {
						t.Errorf("writer %d: %v", w, err)
					}
				}
			})
		}
		wg.Wait()
		got, err := b.Get(ctx, made.ID, session.Linearizable)
		if err != nil || got.Stamp.Version != writers*each || len(got.Labels) != 1+writers*each {
			t.Fatalf("version %d, %d labels, %v", got.Stamp.Version, len(got.Labels), err)
		}
	})
}

func TestClaimsAgree(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 4)
		idem := session.Idempotency{Key: "k1", Fingerprint: "f1"}
		ids := make([]session.ID, 8)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				c, err := b.Claim(ctx, idem, b.NewID())
				if err != nil {
					t.Error(err)
				}
				ids[i] = c.Session
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Fatalf("claims differ: %v", ids)
			}
		}
		if _, err := b.Claim(ctx, session.Idempotency{Key: "k1", Fingerprint: "other"}, b.NewID()); !errors.Is(err, session.ErrIdempotencyMismatch) {
			t.Fatalf("other body: %v", err)
		}
	})
}
