package sessionstore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// A list shows exactly what its filter selects, each session once and in the same order, whatever the size of its pages.
func TestListShowsWhatItsFilterSelects(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 16)
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		dice := rand.New(rand.NewPCG(seed, 0))
		pick := func(from ...string) string { return from[dice.IntN(len(from))] }
		births := make([]Birth, 700)
		for i := range births {
			d := draft(fmt.Sprint("s", i))
			d.Type, d.Workspace, d.Status = pick("a", "b"), pick("/w", "/w\n2", "/v"), session.Status(pick("active", "idle", "failed"))
			d.Labels = map[string]string{"tier": pick("gold", "gold=1", "gol"), "n": fmt.Sprint(i % 50)}
			if i%5 == 0 {
				d.Labels["odd"] = pick("", "1")
			}
			if i%9 == 0 {
				d.Labels = nil
			}
			id := b.NewID()
			births[i] = Birth{ID: id, Draft: d, Owner: []session.Holder{holderA, holderB}[i%2], Chain: b.ChainFor(id)}
		}
		var all []session.Session
		for _, res := range b.Create(ctx, births...) {
			if res.Err != nil {
				t.Fatal(res.Err)
			}
			all = append(all, res.Session)
		}
		labels := func(selector string) session.Filter { return session.Filter{Labels: selectorOf(t, selector)} }
		both := func(f session.Filter, other session.Filter) session.Filter {
			f.Labels = other.Labels
			return f
		}
		five := []session.NodeID{"node-a", "node-c", "node-d", "node-e", "node-f"}
		for _, f := range []session.Filter{
			{}, {Owners: five[:1]}, {Owners: []session.NodeID{"node-a", "node-b", "node-c"}}, {Owners: five}, {Types: []string{"a"}}, {Types: []string{"none"}},
			{Types: []string{"b", "none", "a"}, Statuses: []session.Status{session.Idle, session.Failed}}, {Statuses: []session.Status{session.Idle}, Workspace: "/w"},
			{Workspace: "/w\n2", Owners: []session.NodeID{"node-b"}},
			labels("tier=gold"), both(session.Filter{Types: []string{"b"}, Owners: five}, labels("tier=gol,n!=7")), labels("n=7"), labels("n="), labels("m=7"),
			{Labels: session.Selector{session.Equals("tier", "gold=1"), session.Equals("n", "7")}},
			labels("tier in (gold,gol),n notin (1,2,3,4)"), labels("tier notin (gold)"), labels("!tier"), labels("!er"), labels("er"), labels("tier,odd"),
			labels("odd,odd notin (1)"), labels("odd="), labels("m!=7,n in (1,2),tier!=gol"),
		} {
			want := map[session.ID]bool{}
			for _, s := range all {
				if f.Match(s) {
					want[s.ID] = true
				}
			}
			for _, order := range session.Orders {
				ask := session.Listing{Filter: f, Order: order, Limit: 1000}
				first := b.listAll(t, ask)
				for _, id := range first {
					if !want[id] {
						t.Errorf("%+v: shows %s", ask, id)
					}
				}
				if len(first) != len(want) {
					t.Errorf("%+v: shows %d sessions, want %d", ask, len(first), len(want))
				}
				if !inOrder(first, order, b.keys.Partitions()) {
					t.Errorf("%+v: out of order", ask)
				}
				for _, ask.Limit = range []int{max(3, len(want)/8), 100} {
					if again := b.listAll(t, ask); !slices.Equal(again, first) {
						t.Errorf("%+v: %d sessions, %d by pages of 1000", ask, len(again), len(first))
					}
				}
			}
		}
	})
}

func selectorOf(t *testing.T, text string) session.Selector {
	t.Helper()
	s, err := session.ParseSelector(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// inOrder reports whether each id comes once and where the order has it.
func inOrder(ids []session.ID, order session.Order, partitions int) bool {
	for i := 1; i < len(ids); i++ {
		a, b := ids[i-1], ids[i]
		switch order {
		case session.OldestFirst:
			if a >= b {
				return false
			}
		case session.NewestFirst:
			if a <= b {
				return false
			}
		default:
			if pa, pb := a.Partition(partitions), b.Partition(partitions); pa > pb || pa == pb && a >= b {
				return false
			}
		}
	}
	return true
}

// listAll goes through all pages.
func (b bundle) listAll(t *testing.T, ask session.Listing) (ids []session.ID) {
	t.Helper()
	for {
		page, err := b.List(t.Context(), ask)
		if err != nil || len(page.Sessions) > ask.Limit {
			t.Fatalf("%+v: %d sessions, %v", ask, len(page.Sessions), err)
		}
		for _, s := range page.Sessions {
			ids = append(ids, s.ID)
		}
		if ask.Token = page.Next; ask.Token == "" {
			return ids
		}
	}
}

// reads counts the reads of one kind that a client sends.
type reads struct {
	name  string // of the command
	count atomic.Int64
}

func (r *reads) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (r *reads) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (r *reads) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if cmd.Name() == r.name {
				r.count.Add(1)
			}
		}
		return next(ctx, cmds)
	}
}

// A page reads as many records whole as it shows, and one that tells of the next page; more only where some of them have ended.
func TestAPageReadsNoMoreThanItShows(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 2)
		births := make([]Birth, 600)
		for i := range births {
			d := draft(fmt.Sprint("s", i))
			d.Type = []string{"a", "b"}[i%2]
			id := b.NewID()
			births[i] = Birth{ID: id, Draft: d, Owner: holderA, Chain: b.ChainFor(id)}
		}
		for _, res := range b.Create(ctx, births...) {
			if res.Err != nil {
				t.Fatal(res.Err)
			}
		}
		counted := &reads{name: "hgetall"} // whole records
		b.client.Redis().AddHook(counted)
		for _, order := range session.Orders {
			for _, f := range []session.Filter{{}, {Types: []string{"a"}}, {Owners: []session.NodeID{"node-a"}}} {
				for _, limit := range []int{1, 10, 100} {
					counted.count.Store(0)
					page, err := b.List(ctx, session.Listing{Filter: f, Order: order, Limit: limit})
					if err != nil || len(page.Sessions) != limit || page.Next == "" {
						t.Fatalf("%s, %+v: %d sessions of %d, next %q, %v", order, f, len(page.Sessions), limit, page.Next, err)
					}
					if n := counted.count.Load(); n != int64(limit)+1 {
						t.Errorf("%s, %+v: a page of %d reads %d records whole", order, f, limit, n)
					}
				}
			}
		}
	})
}

// Sessions that have ended and wait for their deletion take no place on a page.
func TestWhatHasEndedTakesNoPlaceOnAPage(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 2)
		births, alive := make([]Birth, 120), map[session.ID]bool{}
		for i := range births {
			d, id := draft(fmt.Sprint("s", i)), b.NewID()
			if alive[id] = i%10 == 0; !alive[id] {
				d.TTL = 1 // a moment
			}
			births[i] = Birth{ID: id, Draft: d, Owner: holderA, Chain: b.ChainFor(id)}
		}
		for _, res := range b.Create(ctx, births...) {
			if res.Err != nil {
				t.Fatal(res.Err)
			}
			for !alive[res.Session.ID] && !res.Session.Expired(b.Now()) {
				runtime.Gosched()
			}
		}
		for _, order := range session.Orders {
			for _, limit := range []int{1, 5, 100} {
				ids := b.listAll(t, session.Listing{Order: order, Limit: limit})
				if len(ids) != 12 || slices.ContainsFunc(ids, func(id session.ID) bool { return !alive[id] }) || !inOrder(ids, order, 2) {
					t.Errorf("%s, pages of %d: %d sessions, 12 live", order, limit, len(ids))
				}
			}
		}
	})
}

// A scan reads about as much as should fill the page, and never more than a node should hold at once.
func TestScanFollowsWhatItFinds(t *testing.T) {
	t.Parallel()
	sc := newScan(100)
	if sc.step != listStep+1 || sc.window != 4 || newScan(1).step != listStep || newScan(session.MaxPage).step != session.MaxPage {
		t.Errorf("at first: %+v", sc)
	}
	for _, c := range []struct {
		name                               string
		ids, partitions, missing, selected int
		step, window                       int
	}{
		{"all of a dense partition", 100, 0, 0, 100, listStep, 1},
		{"one in ten of dense partitions", 100, 0, 30, 10, 313, 3},
		{"one in ten, four partitions of 25", 100, 4, 30, 10, 313, 12},
		{"nothing of many", 500, 5, 100, 0, listMost, 4},
		{"an empty fleet", 0, 4, 100, 0, listStep + 1, listWindow},
	} {
		got := sc.next(c.ids, c.partitions, c.missing, c.selected)
		if got.step != c.step || got.window != c.window {
			t.Errorf("%s: step %d, window %d; want %d, %d", c.name, got.step, got.window, c.step, c.window)
		}
	}
}

// A page token is good at every node that has the fleet's secret, for the query that it was given for, and however many sessions are asked for.
// Whatever else is sent as one is refused by name.
func TestPageTokensAreGoodForTheirQueryAlone(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 4)
		secret := []byte("the secret of this fleet")
		one, two := open(t, b.client, b.keys, Config{Secret: secret}), open(t, b.client, b.keys, Config{Secret: secret})
		for i := range 8 {
			one.create(t, fmt.Sprint("s", i), holderA)
		}
		refused := func(ask session.Listing, by bundle) {
			t.Helper()
			page, err := by.List(ctx, ask)
			var invalid *session.InvalidError
			if !errors.As(err, &invalid) || invalid.Field != "pageToken" {
				t.Errorf("%+v with token %s: %d sessions, %v", ask, ask.Token, len(page.Sessions), err)
			}
		}
		for _, order := range session.Orders {
			ask := session.Listing{Filter: session.Filter{Types: []string{"development", "other"}}, Order: order, Limit: 3}
			first, err := one.List(ctx, ask)
			if err != nil || len(first.Sessions) != 3 || first.Next == "" {
				t.Fatalf("the first page: %d sessions, %q, %v", len(first.Sessions), first.Next, err)
			}
			ask.Token = first.Next
			for _, c := range []struct {
				by   bundle
				want int
			}{{one, 3}, {two, 3}} {
				again := ask
				again.Types = []string{"other", "development"} // the same query in other words
				if page, err := c.by.List(ctx, again); err != nil || len(page.Sessions) != c.want || page.Sessions[0].ID == first.Sessions[0].ID {
					t.Errorf("the second page: %d sessions, %v", len(page.Sessions), err)
				}
			}
			more := ask
			if more.Limit = 100; len(one.listAll(t, more)) != 5 {
				t.Errorf("%s: the rest is %d sessions, want 5", order, len(one.listAll(t, more)))
			}
			refused(ask, b) // of another fleet
			for _, other := range session.Orders {
				if asked := ask; other != order {
					asked.Order = other
					refused(asked, one)
				}
			}
			for _, f := range []session.Filter{{}, {Types: []string{"development"}}, {Types: []string{"development", "other"}, Workspace: "/w"}} {
				asked := ask
				asked.Filter = f
				refused(asked, one)
			}
			for i := range ask.Token {
				for _, c := range []string{"A", "_", "=", ""} {
					asked := ask
					if asked.Token = ask.Token[:i] + c + ask.Token[i+1:]; asked.Token != ask.Token && asked.Token != "" {
						refused(asked, one)
					}
				}
			}
			for _, token := range []string{"x", "=", "AAAA", ask.Token + "A", ask.Token + ask.Token, strings.Repeat("A", 1000),
				base64.RawURLEncoding.EncodeToString([]byte("1.0." + string(first.Sessions[2].ID)))} {
				asked := ask
				asked.Token = token
				refused(asked, one)
			}
		}
	})
}

// A list by creation shows whoever is there all along once, though others come and go between its pages.
func TestListByCreationIsStable(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b := setup(t, r, 8)
		for _, order := range []session.Order{session.OldestFirst, session.NewestFirst} {
			var stay, leave []session.Session
			for i := range 40 {
				stay, leave = append(stay, b.create(t, fmt.Sprint("stays", i), holderA)), append(leave, b.create(t, fmt.Sprint("goes", i), holderB))
			}
			seen := map[session.ID]int{}
			ask := session.Listing{Order: order, Limit: 7}
			for pages := 0; ; pages++ {
				page, err := b.List(t.Context(), ask)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range page.Sessions {
					seen[s.ID]++
				}
				if ask.Token = page.Next; ask.Token == "" {
					break
				}
				if pages < len(leave)/4 {
					for _, s := range leave[4*pages : 4*pages+4] {
						if _, err := b.Delete(t.Context(), s.ID, b.NewOp(), session.Condition{}, nil); err != nil {
							t.Fatal(err)
						}
					}
					b.create(t, fmt.Sprint("comes", pages), holderB)
				}
			}
			for _, s := range stay {
				if seen[s.ID] != 1 {
					t.Errorf("%s: %s is shown %d times", order, s.Name, seen[s.ID])
				}
			}
			for id, times := range seen {
				if times > 1 {
					t.Errorf("%s: %s is shown %d times", order, id, times)
				}
			}
		}
	})
}

// What strangers put into the sets of ids is passed over, however long it is, and a list goes on behind it.
func TestListPassesStrangersOver(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b := setup(t, r, 2)
		made := []session.ID{b.create(t, "a", holderA).ID, b.create(t, "b", holderA).ID, b.create(t, "c", holderA).ID}
		long := strings.Repeat("f", 4000)
		for p := range 2 {
			key := b.keys.Index(p)
			members := []redis.Z{{Member: "-"}, {Member: long}, {Member: string(made[0][:10])}, {Member: string(b.NewID().InPartition(1-p, 2))}}
			for i := range listStep {
				members = append(members, redis.Z{Member: fmt.Sprintf("%s%d", made[1][:20], i)}, redis.Z{Member: fmt.Sprintf("%s!%d", long, i)})
			}
			for _, id := range made { // a session that lies elsewhere
				members = append(members, redis.Z{Member: string(id)})
			}
			if err := b.client.Redis().ZAdd(t.Context(), key, members...).Err(); err != nil {
				t.Fatal(err)
			}
		}
		for _, order := range session.Orders {
			got := b.listAll(t, session.Listing{Order: order, Limit: 2})
			if slices.Sort(got); !slices.Equal(got, made) {
				t.Errorf("%s: %v, want %v", order, got, made)
			}
			ask := session.Listing{Order: order, Limit: 2}
			w := b.walk(ask, cursor{})
			for {
				_, at, err := w.next(t.Context(), scan{step: 40, window: 1})
				if err != nil {
					t.Fatal(err)
				}
				if at.partition == 2 {
					break
				}
				if ask.Token = b.token(ask, at); len(ask.Token) > 200 {
					t.Fatalf("%s: a token of %d characters", order, len(ask.Token))
				}
				if rest, want := b.listAll(t, ask), b.rest(t, order, at); !slices.Equal(rest, want) {
					t.Fatalf("%s: after %.60q come %v, want %v", order, at.after, rest, want)
				}
			}
		}
	})
}

// rest returns the ids that a walk leads to from a cursor on that was never a token.
func (b bundle) rest(t *testing.T, order session.Order, at cursor) (ids []session.ID) {
	t.Helper()
	w := b.walk(session.Listing{Order: order, Limit: 2}, at)
	for at.partition < b.Partitions() {
		next, after, err := w.next(t.Context(), scan{step: 40, window: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range next {
			if _, err := b.Get(t.Context(), id, session.Eventual); err == nil {
				ids = append(ids, id)
			}
		}
		at = after
	}
	return ids
}

// Pages of several sets are one page as far as nothing unread can come between.
func TestMerged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pages [][]string
		limit int
		want  []string
		more  bool
	}{
		{[][]string{{"a", "b"}}, 3, []string{"a", "b"}, false},
		{[][]string{{"a", "b"}}, 2, []string{"a", "b"}, true},
		{[][]string{{"b", "d"}, {"a"}}, 3, []string{"a", "b", "d"}, false},
		{[][]string{{"b", "d"}, {"a", "e"}}, 2, []string{"a", "b", "d"}, true},
		{[][]string{{"b", "d"}, {"b", "e"}, nil}, 2, []string{"b", "d"}, true},
		{[][]string{nil, nil}, 2, nil, false},
	} {
		if got, more := merged(c.pages, c.limit); !slices.Equal(got, c.want) || more != c.more {
			t.Errorf("%v: %v, %v; want %v, %v", c.pages, got, more, c.want, c.more)
		}
	}
}
