package events

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

func TestMain(m *testing.M) { redistest.Main(m) }

var (
	holderA = session.Holder{Node: "node-a", Incarnation: "aaaaaaaaaaaaaaaa"}
	holderB = session.Holder{Node: "node-b", Incarnation: "bbbbbbbbbbbbbbbb"}
)

// world is a fleet's Redis with a store that changes sessions, and a feed.
type world struct {
	*Feed
	store  *sessionstore.Store
	client *redisx.Client
	keys   *keyspace.Keys
}

func setup(t *testing.T, r redistest.Redis, cfg Config) world {
	t.Helper()
	c, err := redisx.Open(t.Context(), redisx.Options{Seeds: r.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	k, err := keyspace.New(redistest.Prefix(t), 8)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sessionstore.New(c, k, sessionstore.Config{Node: "node-z"})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Log = slog.New(slog.DiscardHandler)
	return world{New(c, k, cfg), s, c, k}
}

// run has the feed look for events until the test ends.
func (w world) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (w world) create(t testing.TB, name string) session.Session {
	t.Helper()
	id := w.store.NewID()
	res := w.store.Create(t.Context(), sessionstore.Birth{ID: id, Owner: holderA, Chain: w.store.ChainFor(id),
		Draft: session.Draft{Type: "t", Name: name, Workspace: "/w", Status: session.Active}})[0]
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	return res.Session
}

func (w world) rename(t testing.TB, id session.ID, name string) session.Session {
	t.Helper()
	s, err := w.store.Update(t.Context(), id, w.store.NewOp(), session.Patch{Name: &name}, session.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// node tells an event of a node, as a script of the registry would.
func (w world) node(t testing.TB, kind, text string) {
	t.Helper()
	w.put(t, w.keys.FleetEvents(), kind, text)
}

func (w world) put(t testing.TB, key, kind, text string) {
	t.Helper()
	if err := w.client.Redis().XAdd(t.Context(), &redis.XAddArgs{Stream: key, Values: []string{kind, text}}).Err(); err != nil {
		t.Fatal(err)
	}
}

func (w world) page(t testing.TB, cursor string, filter session.EventFilter, limit int) session.EventPage {
	t.Helper()
	page, err := w.Page(t.Context(), cursor, filter, limit)
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Events) > limit {
		t.Fatalf("%d events, asked for %d", len(page.Events), limit)
	}
	return page
}

// all reads page after page until nothing comes.
func (w world) all(t testing.TB, cursor string, filter session.EventFilter, limit int) (events []session.Event, next string) {
	t.Helper()
	for {
		page := w.page(t, cursor, filter, limit)
		if cursor = page.Next; len(page.Events) == 0 {
			return events, cursor
		}
		events = append(events, page.Events...)
	}
}

func types(events []session.Event) string {
	var words []string
	for _, e := range events {
		words = append(words, string(e.Type))
	}
	return strings.Join(words, " ")
}

func TestPages(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		w := setup(t, r, Config{})
		now := w.page(t, Latest, session.EventFilter{}, 100)
		if len(now.Events) != 0 {
			t.Fatal(now)
		}
		w.node(t, "joined", "node-a aaaaaaaaaaaaaaaa node-a ")
		s := w.create(t, "one")
		w.rename(t, s.ID, "two")
		taken := w.store.TakeOver(t.Context(), sessionstore.Takeover{ID: s.ID, From: holderA, To: holderB, Why: session.WhyOwnerDead})[0]
		if taken.Err != nil {
			t.Fatal(taken.Err)
		}
		other := w.create(t, "other")
		if _, err := w.store.Delete(t.Context(), s.ID, w.store.NewOp(), session.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
		w.node(t, "recovered", "node-a aaaaaaaaaaaaaaaa node-b 3 2 1")
		for _, limit := range []int{1, 2, 3, 100} {
			for _, from := range []string{"", now.Next} {
				got, _ := w.all(t, from, session.EventFilter{Session: s.ID}, limit)
				if types(got) != "session.created session.updated session.assigned session.deleted" {
					t.Errorf("of one session, %d at a time: %s", limit, types(got))
				}
				if all, _ := w.all(t, from, session.EventFilter{}, limit); len(all) != 7 {
					t.Errorf("%d at a time: %s", limit, types(all))
				}
			}
		}
		got, next := w.all(t, "", session.EventFilter{}, 100)
		for _, e := range got {
			switch {
			case e.Type == session.SessionAssigned:
				want := session.Event{ID: e.ID, Type: e.Type, Time: e.Time, Session: s.ID, Node: "node-b", Previous: "node-a", Epoch: 2, Version: 1,
					Reason: "owner dead", Actor: "node-z"}
				if e != want || !strings.HasPrefix(e.ID, fmt.Sprintf("p%d:%d-", w.keys.Partition(s.ID), e.Time.UnixMilli())) {
					t.Errorf("%+v, want %+v", e, want)
				}
			case e.Type == session.NodeRecovered && (*e.Recovered != session.Recovery{Expected: 3, Recovered: 2, Lost: 1} || e.Node != "node-a" || e.Actor != "node-b"):
				t.Errorf("%+v", e)
			}
			if age := time.Since(e.Time); age > time.Minute || age < -time.Minute {
				t.Errorf("%+v", e)
			}
		}
		for filter, want := range map[string]session.EventFilter{
			"node.joined node.recovered": {Types: []session.EventType{session.NodeJoined, session.NodeRecovered}},
			"session.created":            {Types: []session.EventType{session.SessionCreated}, Session: other.ID},
			"":                           {Types: []session.EventType{session.NodeJoined}, Session: s.ID},
			"session.assigned session.deleted node.recovered": {Node: "node-b", Types: []session.EventType{session.SessionAssigned, session.SessionDeleted}},
		} {
			if filter == "session.assigned session.deleted node.recovered" {
				filter = "session.assigned session.deleted"
			}
			if got, _ := w.all(t, "", want, 3); types(got) != filter {
				t.Errorf("%+v selects %s, want %s", want, types(got), filter)
			}
		}
		w.create(t, "later")
		if got, _ := w.all(t, next, session.EventFilter{}, 10); types(got) != "session.created" {
			t.Errorf("after the end: %s", types(got))
		}
		of, err := w.ForSession(t.Context(), s.ID, 2)
		if err != nil || types(of) != "session.assigned session.deleted" {
			t.Errorf("the last of a session: %s %v", types(of), err)
		}
		for limit, want := range map[int]string{1: "node.recovered", 10: "node.joined node.recovered"} {
			if of, err := w.OfNodes(t.Context(), limit); err != nil || types(of) != want {
				t.Errorf("the last %d of nodes: %s %v", limit, types(of), err)
			}
		}
	})
}

func TestForeignCursorsAreRefused(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		w, stranger := setup(t, r, Config{}), setup(t, r, Config{})
		w.create(t, "one")
		good := w.page(t, "", session.EventFilter{}, 10).Next
		flipped := []byte(good)
		flipped[len(flipped)/2] ^= 3
		for _, bad := range []string{"x", "!", good[1:], good[:len(good)-2], good + "AA", string(flipped), strings.Repeat("A", session.MaxCursor+1),
			stranger.page(t, "", session.EventFilter{}, 1).Next, make(positions, 17).encode(w.keys.Prefix())} {
			_, err := w.Page(t.Context(), bad, session.EventFilter{}, 1)
			_, followed := w.Follow(t.Context(), bad, session.EventFilter{})
			var invalid, also *session.InvalidError
			if !errors.As(err, &invalid) || invalid.Field != "cursor" || !errors.As(followed, &also) {
				t.Errorf("%.40s...: %v, %v", bad, err, followed)
			}
		}
	})
}

// What is missing behind a cursor is told: dropped, or lost by Redis, before or behind the cursor.
func TestACursorThatIsGone(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		w := setup(t, r, Config{})
		w.run(t)
		key := w.keys.FleetEvents()
		cursors := map[string]string{"an empty stream": w.page(t, Latest, session.EventFilter{}, 1).Next}
		gone := func(what string) {
			t.Helper()
			var missing *session.EventsGoneError
			if _, err := w.Page(t.Context(), cursors[what], session.EventFilter{}, 10); !errors.As(err, &missing) {
				t.Errorf("%s: %v", what, err)
				return
			}
			if _, err := w.Follow(t.Context(), cursors[what], session.EventFilter{}); !errors.As(err, &missing) {
				t.Errorf("%s, followed: %v", what, err)
			}
			if page := w.page(t, missing.Latest, session.EventFilter{}, 10); len(page.Events) != 0 {
				t.Errorf("%s: the latest cursor leads to %v", what, page.Events)
			}
			if _, err := w.Page(t.Context(), cursors[what], session.EventFilter{Types: []session.EventType{session.SessionCreated}}, 10); err != nil {
				t.Errorf("%s, where only other streams are asked for: %v", what, err)
			}
		}
		w.node(t, "joined", "a a a ")
		cursors["the first"] = w.page(t, "", session.EventFilter{}, 1).Next
		w.node(t, "left", "a a a ")
		cursors["the last"] = w.page(t, Latest, session.EventFilter{}, 1).Next
		for _, cursor := range cursors {
			w.page(t, cursor, session.EventFilter{}, 10)
		}
		last, err := w.client.Redis().XRevRangeN(t.Context(), key, "+", "-", 1).Result()
		if err != nil {
			t.Fatal(err)
		}
		w.client.Redis().XDel(t.Context(), key, last[0].ID) // a replica that never got it has taken over
		gone("the last")
		w.node(t, "joined", "b b b ")
		gone("the last")
		pipe := w.client.Redis().Pipeline()
		for i := range session.EventsKept + 200 {
			pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: key, MaxLen: session.EventsKept, Approx: true, Values: []string{"cordoned", fmt.Sprint("n", i, " x y ")}})
		}
		if _, err := pipe.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		for what := range cursors {
			gone(what)
		}
	})
}

// Strangers' entries and keys are passed over, and harm nobody else.
func TestStrangers(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		w := setup(t, r, Config{})
		w.client.Redis().Set(t.Context(), w.keys.FleetEvents(), "x", 0)
		s := w.create(t, "one")
		key := w.keys.Events(w.keys.Partition(s.ID))
		for _, words := range []string{"", "x", "x 1.0 a - - create", string(s.ID) + " one.0 a - - create", string(s.ID) + " 1 a - - create"} {
			w.put(t, key, "updated", words)
		}
		w.put(t, key, "renamed", string(s.ID)+" 1.0 a - - create")
		w.rename(t, s.ID, "two")
		if got, _ := w.all(t, "", session.EventFilter{}, 100); types(got) != "session.created session.updated" {
			t.Errorf("it reads %s", types(got))
		}
	})
}

// collector follows and keeps what it is told.
type collector struct {
	mu     sync.Mutex
	events []session.Event
	end    string
	cursor string
	done   chan struct{}
}

func collect(ctx context.Context, f *Follower) *collector {
	c := &collector{done: make(chan struct{})}
	go func() {
		defer close(c.done)
		for {
			b, err := f.Next(ctx)
			if err != nil {
				return
			}
			c.mu.Lock()
			c.events, c.end, c.cursor = append(c.events, b.Events...), b.End, b.Cursor
			c.mu.Unlock()
		}
	}()
	return c
}

func (c *collector) has() (n int, cursor string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.events), c.cursor
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// While nodes write at the same time a follower misses nothing and gets each session's events in order, across resumes at any moment.
func TestAFollowerMissesNothing(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		w := setup(t, r, Config{})
		w.run(t)
		const writers, changes = 4, 60
		first, err := w.Follow(t.Context(), "", session.EventFilter{})
		if err != nil {
			t.Fatal(err)
		}
		steady := collect(t.Context(), first)
		cursor := first.Cursor()
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				id := w.create(t, fmt.Sprint("s", i)).ID
				for n := range changes - 1 {
					w.rename(t, id, fmt.Sprint("n", n))
				}
			})
		}
		written := make(chan struct{})
		go func() { all.Wait(); close(written) }()
		var resumed []session.Event
		for more := true; more; {
			select {
			case <-written:
				more = false // one last stream
			default:
			}
			f, err := w.Follow(t.Context(), cursor, session.EventFilter{Types: []session.EventType{session.SessionCreated, session.SessionUpdated}})
			if err != nil {
				t.Fatal(err)
			}
			limited, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
			for {
				b, err := f.Next(limited)
				if err != nil {
					break
				}
				resumed = append(resumed, b.Events...)
			}
			cancel()
			cursor = f.Cursor()
			f.Close()
		}
		rest, _ := w.all(t, cursor, session.EventFilter{}, 100)
		resumed = append(resumed, rest...)
		eventually(t, "the steady follower has all", func() bool { n, _ := steady.has(); return n >= writers*changes })
		first.Close()
		<-steady.done
		for what, events := range map[string][]session.Event{"the steady follower": steady.events, "the one that resumes": resumed} {
			checkOrder(t, what, events, writers, changes)
		}
		if steady.end != "closed" {
			t.Errorf("it ended with %q", steady.end)
		}
	})
}

// checkOrder wants every change of every session once, in order.
func checkOrder(t *testing.T, what string, events []session.Event, sessions, changes int) {
	t.Helper()
	versions := map[session.ID][]uint64{}
	for _, e := range events {
		versions[e.Session] = append(versions[e.Session], e.Version)
	}
	if len(versions) != sessions {
		t.Errorf("%s: %d sessions", what, len(versions))
	}
	for id, got := range versions {
		if len(got) != changes || !slices.IsSorted(got) || len(slices.Compact(got)) != changes {
			t.Errorf("%s: %s has the versions %v", what, id, got)
		}
	}
}

// A follower that was away for long catches up page by page before it listens.
func TestAFollowerCatchesUp(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		w := setup(t, r, Config{})
		w.run(t)
		cursor := w.page(t, Latest, session.EventFilter{}, 1).Next
		const old = 2100
		pipe := w.client.Redis().Pipeline()
		for i := range old {
			pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: w.keys.FleetEvents(), Values: []string{"cordoned", fmt.Sprint("n", i, " x y ")}})
		}
		if _, err := pipe.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		f, err := w.Follow(t.Context(), cursor, session.EventFilter{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for n := 0; n < old+1; {
			b, err := f.Next(t.Context())
			if err != nil || b.End != "" {
				t.Fatal(b.End, err)
			}
			for _, e := range b.Events {
				if want := session.NodeID(fmt.Sprint("n", n)); e.Node != want {
					t.Fatalf("event %d is of %s", n, e.Node)
				}
				n++
			}
			if n == old {
				w.node(t, "cordoned", fmt.Sprint("n", old, " x y "))
			}
		}
	})
}

// A follower that does not take what it is told is ended, and can go on from where it was.
func TestASlowFollowerIsEnded(t *testing.T) {
	t.Parallel()
	w := New(nil, keysOf(t), Config{})
	f := &Follower{feed: w, at: make(positions, w.streams()), wake: make(chan struct{}, 1), live: true, listens: true}
	w.followers[f] = true
	at := make(positions, w.streams())
	for n := uint64(1); w.followed(); n++ {
		at[0].ms = n
		found := make([]happening, 1000)
		for i := range found {
			found[i] = happening{event: session.Event{Type: session.SessionUpdated}, at: position{ms: n, seq: uint64(i)}}
		}
		w.tell(at, found)
		if n*1000 > maxQueued+1000 {
			t.Fatal("it is never ended")
		}
	}
	before := f.Cursor()
	b, err := f.Next(t.Context())
	if err != nil || b.End != "too-slow" || b.Cursor != before {
		t.Fatal(b, err)
	}
	if _, err := f.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func keysOf(t *testing.T) *keyspace.Keys {
	t.Helper()
	k, err := keyspace.New("x", 8)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestStreamsAreLimitedAndEnd(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		w := setup(t, r, Config{MaxFollowers: 1})
		w.run(t)
		f, err := w.Follow(t.Context(), "", session.EventFilter{})
		if err != nil {
			t.Fatal(err)
		}
		var full *session.LimitError
		if _, err := w.Follow(t.Context(), "", session.EventFilter{}); !errors.As(err, &full) || full.Used != 1 || full.Limit != 1 {
			t.Errorf("a second: %v", err)
		}
		f.Close()
		if f, err = w.Follow(t.Context(), "", session.EventFilter{}); err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w.End("draining")
		if b, err := f.Next(t.Context()); err != nil || b.End != "draining" || b.Cursor == "" {
			t.Error(b, err)
		}
		if _, err := w.Follow(t.Context(), "", session.EventFilter{}); !errors.Is(err, session.ErrDraining) {
			t.Error(err)
		}
	})
}

// A stream ends where Redis has lost what was told.
func TestAStreamEndsWhereEventsAreLost(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		w := setup(t, r, Config{})
		w.run(t)
		f, err := w.Follow(t.Context(), "", session.EventFilter{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w.node(t, "joined", "a a a ")
		if b, err := f.Next(t.Context()); err != nil || types(b.Events) != "node.joined" {
			t.Fatal(b, err)
		}
		w.client.Redis().Del(t.Context(), w.keys.FleetEvents())
		if b, err := f.Next(t.Context()); err != nil || b.End != "cursor-gone" {
			t.Fatal(b, err)
		}
		again, err := w.Follow(t.Context(), "", session.EventFilter{}) // the feed begins anew
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		w.node(t, "left", "a a a ")
		if b, err := again.Next(t.Context()); err != nil || types(b.Events) != "node.left" {
			t.Error(b, err)
		}
	})
}

// What one node writes, another shows to eventual reads about as soon as its looks have seen it, however long its cache keeps answers.
func TestChangesElsewhereReachTheCache(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		w := setup(t, r, Config{})
		caching, err := sessionstore.New(w.client, w.keys, sessionstore.Config{CacheBytes: 1 << 20, CacheTTL: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		beside := world{Feed: New(w.client, w.keys, Config{Cache: caching})}
		beside.run(t)
		s := w.create(t, "n0")
		shows := func() string {
			got, err := caching.Get(t.Context(), s.ID, session.Eventual)
			if err != nil {
				return err.Error()
			}
			return got.Name
		}
		if shows() != "n0" {
			t.Fatal(shows())
		}
		eventually(t, "the looks go on, and leave the cache what it holds", func() bool {
			_ = shows()
			_, _, before := caching.Cached()
			time.Sleep(slowest + slowest/2) // nothing is to happen meanwhile
			_ = shows()
			_, _, after := caching.Cached()
			return after == before
		})
		for i := range 3 {
			name := fmt.Sprint("n", i+1)
			w.rename(t, s.ID, name)
			eventually(t, "the cache shows "+name, func() bool { return shows() == name })
			_, before, _ := caching.Cached()
			if shows(); i > 0 {
				if _, hits, _ := caching.Cached(); hits == before {
					t.Error("nothing is answered from the cache")
				}
			}
		}
		if _, err := w.store.Delete(t.Context(), s.ID, w.store.NewOp(), session.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the cache shows that it was deleted", func() bool { return shows() == session.ErrNotFound.Error() })
	})
}

// What happens between a follower's last own read and the moment that it hears where the looks stand is read once more.
func TestNothingIsMissedWhereAFollowerJoins(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		w := setup(t, r, Config{}) // it does not run: the test makes its looks begin
		s := w.create(t, "one")
		f, err := w.Follow(t.Context(), w.page(t, Latest, session.EventFilter{}, 1).Next, session.EventFilter{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w.rename(t, s.ID, "two")
		at, err := w.latest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.begin(at)
		limited, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if b, err := f.Next(limited); err != nil || types(b.Events) != "session.updated" {
			t.Error(b, err)
		}
	})
}

// ending calls a function for what is logged.
type ending struct {
	slog.Handler
	end func()
}

func (e ending) Enabled(context.Context, slog.Level) bool { return true }

func (e ending) Handle(context.Context, slog.Record) error {
	e.end()
	return nil
}

// A bookmark may fall due between two rounds of one page: what the first has read is told, as the cursor is behind it.
func TestWhatWasReadBeforeAFailureIsTold(t *testing.T) {
	t.Parallel()
	const all, strange = 800, 700 // more than a page; in the first of several rounds of the second
	w := setup(t, redistest.Single(t), Config{})
	for i := range all {
		if i == strange {
			w.put(t, w.keys.FleetEvents(), "strange", "")
		}
		w.node(t, "ready", fmt.Sprintf("node-%d incarnation node-a ", i))
	}
	cursor, err := w.oldest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	broken, cancel := context.WithCancel(t.Context())
	defer cancel()
	feed := New(w.client, w.keys, Config{Log: slog.New(ending{end: cancel})}) // a strange entry is logged
	f, err := feed.Follow(t.Context(), cursor.encode(w.keys.Prefix()), session.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := 0
	next := func(ctx context.Context) {
		t.Helper()
		b, err := f.Next(ctx)
		if err != nil || b.End != "" {
			t.Fatalf("after %v: %v", b, err)
		}
		for _, e := range b.Events {
			if want := session.NodeID(fmt.Sprint("node-", got)); e.Node != want {
				t.Fatalf("got %s, want %s", e.Node, want)
			}
			got++
		}
	}
	next(t.Context())
	if got > strange || broken.Err() != nil {
		t.Fatalf("%d events in the first page", got)
	}
	if next(broken); broken.Err() == nil {
		t.Fatal("no round failed")
	}
	for got < all {
		next(t.Context())
	}
}
