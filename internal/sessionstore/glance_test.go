package sessionstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// glanced has an audit of a partition glance at all of it, and returns what it would look at closer, and whose sets and whether the expiry it
// would walk.
func (b bundle) glanced(t *testing.T, partition int) (closer []session.ID, holders []session.NodeID, expiry bool, seen []session.Session) {
	t.Helper()
	a := &audit{
		s: b.Store, partition: partition, nodes: []session.NodeID{holderA.Node, holderB.Node}, counted: map[session.NodeID]int{}, lists: map[string][]int{},
		visit: func(is session.Session) { seen = append(seen, is) },
	}
	var err error
	if a.holders, err = a.holding(t.Context()); err != nil {
		t.Fatal(err)
	}
	for done := false; !done; {
		pg, err := a.nextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		done = pg.last
		others, err := a.glance(t.Context(), pg)
		if err != nil {
			t.Fatal(err)
		}
		closer = append(closer, others.ids...)
	}
	if holders, expiry, err = a.uncounted(t.Context()); err != nil {
		t.Fatal(err)
	}
	return closer, holders, expiry, seen
}

// orderly is a partition of sessions of all kinds, all of them in order.
type orderly struct {
	bundle
	plain, mortal, talking, dead session.Session // without and with an end of life, with messages and a context, deleted
}

func newOrderly(t *testing.T, r redistest.Redis) orderly {
	t.Helper()
	o := orderly{bundle: setup(t, r, 1)}
	made := func(ttl time.Duration, owner session.Holder) session.Session {
		id, d := o.NewID(), draft("x")
		d.TTL = ttl
		res := o.Create(t.Context(), Birth{ID: id, Draft: d, Owner: owner, Chain: o.ChainFor(id)})[0]
		if res.Err != nil {
			t.Fatal(res.Err)
		}
		return res.Session
	}
	for range 5 {
		made(0, holderA)
		made(time.Hour, holderB)
	}
	o.plain, o.mortal, o.talking, o.dead = made(0, holderA), made(time.Hour, holderA), made(0, holderB), made(time.Hour, holderA)
	o.publish(t, o.talking.ID, saying("a", "1"))
	o.saveContext(t, o.talking.ID, "state")
	if _, err := o.Delete(t.Context(), o.dead.ID, o.NewOp(), session.Condition{}, func(session.Session) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return o
}

// What is in order is not compared record by record, and visited as a comparison would.
func TestAGlanceFindsOrder(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		o := newOrderly(t, r)
		closer, holders, expiry, seen := o.glanced(t, 0)
		if len(closer) > 0 || len(holders) > 0 || expiry || len(seen) != 13 {
			t.Fatalf("%v, %v, %v, %d were seen", closer, holders, expiry, len(seen))
		}
		for _, is := range seen {
			whole, err := o.Get(t.Context(), is.ID, session.Linearizable)
			want := session.Session{ID: is.ID, Stamp: whole.Stamp, Holder: whole.Holder, ExpiresAt: whole.ExpiresAt}
			if err != nil || fmt.Sprint(is) != fmt.Sprint(want) {
				t.Errorf("saw %+v, want %+v, %v", is, want, err)
			}
		}
	})
}

// Whatever a comparison would find is looked at closer; a stranger in a set that nothing leads to has that set walked.
func TestAGlanceOverlooksNothing(t *testing.T) {
	t.Parallel()
	r := redistest.Shared(t)
	zset := func(o orderly, key string, score float64, member session.ID) error {
		return o.client.Redis().ZAdd(t.Context(), key, redis.Z{Score: score, Member: string(member)}).Err()
	}
	set := func(at func(o orderly) string, values ...any) func(o orderly) error {
		return func(o orderly) error { return o.client.Redis().HSet(t.Context(), at(o), values...).Err() }
	}
	both := func(values ...any) func(o orderly) error {
		return func(o orderly) error {
			for _, tag := range []int{home, o.ChainFor(o.plain.ID)[0]} {
				if err := o.client.Redis().HSet(t.Context(), o.placeOf(o.plain.ID).key(tag), values...).Err(); err != nil {
					return err
				}
			}
			return nil
		}
	}
	atHome := func(o orderly) string { return o.keys.Session(o.plain.ID) }
	atCopy := func(o orderly) string { return o.keys.Copy(o.plain.ID, o.ChainFor(o.plain.ID)[0]) }
	del := func(at func(o orderly) string, fields ...string) func(o orderly) error {
		return func(o orderly) error {
			if len(fields) > 0 {
				return o.client.Redis().HDel(t.Context(), at(o), fields...).Err()
			}
			return o.client.Redis().Del(t.Context(), at(o)).Err()
		}
	}
	other := func(o orderly) int { return o.ChainFor(o.plain.ID)[0]%keyspace.CopyTags + 1 }
	plain := func(o orderly) session.ID { return o.plain.ID }
	mortal := func(o orderly) session.ID { return o.mortal.ID }
	talking := func(o orderly) session.ID { return o.talking.ID }
	dead := func(o orderly) session.ID { return o.dead.ID }
	grave := func(o orderly) string { return o.keys.Session(o.dead.ID) }
	graveCopy := func(o orderly) string { return o.keys.Copy(o.dead.ID, o.ChainFor(o.dead.ID)[0]) }
	for name, harm := range map[string]struct {
		of func(o orderly) session.ID
		do func(o orderly) error
	}{
		"home is gone":                      {plain, del(atHome)},
		"home is no hash":                   {plain, func(o orderly) error { return o.client.Redis().Set(t.Context(), atHome(o), "x", 0).Err() }},
		"home is ahead":                     {plain, set(atHome, "version", "7")},
		"home is another operation's":       {plain, set(atHome, "op", string(session.NewOpID(time.Now())))},
		"home lacks a part of its stamp":    {plain, del(atHome, "epoch")},
		"home is a tombstone":               {plain, set(atHome, "deleted", "1")},
		"home has no owner":                 {plain, del(atHome, "owner")},
		"home has another owner":            {plain, set(atHome, "owner", string(holderB.Node))},
		"home's owner is none":              {plain, set(atHome, "owner", "a|b")},
		"home has an end that is none":      {plain, set(atHome, "expiresAt", "never")},
		"home has an end not listed":        {plain, set(atHome, "expiresAt", "2100-01-01T00:00:00Z")},
		"home has messages, there are none": {plain, set(atHome, "messages", "1-0")},
		"no time of writing":                {plain, set(atHome, "writtenAt", "soon")},
		"no time of writing in the copy":    {plain, del(atCopy, "writtenAt")},
		"the copy is gone":                  {plain, del(atCopy)},
		"the copy is no hash":               {plain, func(o orderly) error { return o.client.Redis().Set(t.Context(), atCopy(o), "x", 0).Err() }},
		"the copy is ahead":                 {plain, set(atCopy, "version", "7")},
		"the copy's chain differs":          {plain, set(atCopy, "chain", "7,6")},
		"no chain":                          {plain, del(atHome, "chain")},
		"a chain of words":                  {plain, both("chain", "a")},
		"a chain of more":                   {plain, both("chain", "1,2,3")},
		"a former chain to home":            {plain, both("from", "0")},
		"an epoch spelt otherwise":          {plain, both("epoch", "01")},
		"a version past what counts":        {plain, both("version", "9007199254740993")},
		"a separator in a value":            {plain, both("chain", "1|2")},
		"not in the index": {plain, func(o orderly) error {
			return o.client.Redis().ZRem(t.Context(), o.keys.Index(0), string(o.plain.ID)).Err()
		}},
		"not in its owner's set": {plain, func(o orderly) error {
			return o.client.Redis().ZRem(t.Context(), o.keys.Owned(0, holderA.Node), string(o.plain.ID)).Err()
		}},
		"not in the copies' index": {plain, func(o orderly) error {
			return o.client.Redis().ZRem(t.Context(), o.keys.Copies(0, o.ChainFor(o.plain.ID)[0]), string(o.plain.ID)).Err()
		}},
		"in another copies' index": {plain, func(o orderly) error { return zset(o, o.keys.Copies(0, other(o)), 0, o.plain.ID) }},
		"its owner is not listed": {plain, func(o orderly) error {
			return o.client.Redis().SRem(t.Context(), o.keys.Owners(0), string(holderA.Node)).Err()
		}},
		"an end that it has not":    {plain, func(o orderly) error { return zset(o, o.keys.Expiry(0), 5, o.plain.ID) }},
		"among the tombstones":      {plain, func(o orderly) error { return zset(o, o.keys.Tombstones(0), 5, o.plain.ID) }},
		"the expiry is no set":      {plain, func(o orderly) error { return o.client.Redis().Set(t.Context(), o.keys.Expiry(0), "x", 0).Err() }},
		"the tombstones are no set": {plain, func(o orderly) error { return o.client.Redis().Set(t.Context(), o.keys.Tombstones(0), "x", 0).Err() }},
		"its end is not listed": {mortal, func(o orderly) error {
			return o.client.Redis().ZRem(t.Context(), o.keys.Expiry(0), string(o.mortal.ID)).Err()
		}},
		"its end is listed sooner": {mortal, func(o orderly) error { return zset(o, o.keys.Expiry(0), 5, o.mortal.ID) }},
		"its messages are gone": {talking, func(o orderly) error {
			return o.client.Redis().Del(t.Context(), o.placeOf(o.talking.ID).beside(home)[0]).Err()
		}},
		"the copy's context is gone": {talking, func(o orderly) error {
			return o.client.Redis().Del(t.Context(), o.placeOf(o.talking.ID).beside(o.ChainFor(o.talking.ID)[0])[1]).Err()
		}},
		"a tombstone is gone":              {dead, del(grave)},
		"a tombstone is half one":          {dead, set(grave, "deleted", "2")},
		"a tombstone is ahead":             {dead, set(grave, "version", "9")},
		"a tombstone's copy is not there":  {dead, set(graveCopy, "op", string(session.NewOpID(time.Now())))},
		"a tombstone in the index":         {dead, func(o orderly) error { return zset(o, o.keys.Index(0), 0, o.dead.ID) }},
		"a tombstone's copy not listed so": {dead, func(o orderly) error { return zset(o, o.keys.Copies(0, other(o)), 0, o.dead.ID) }},
		"a tombstone that shall end":       {dead, func(o orderly) error { return zset(o, o.keys.Expiry(0), 5, o.dead.ID) }},
		"a tombstone that is not among them": {dead, func(o orderly) error {
			return o.client.Redis().ZRem(t.Context(), o.keys.Tombstones(0), string(o.dead.ID)).Err()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOrderly(t, r)
			if err := harm.do(o); err != nil {
				t.Fatal(err)
			}
			if closer, _, _, _ := o.glanced(t, 0); !slices.Contains(closer, harm.of(o)) {
				t.Errorf("it is taken for well; %v are looked at closer", closer)
			}
		})
	}
	stranger := session.NewID(time.Now())
	for name, harm := range map[string]struct {
		do      func(o orderly) error
		holders []session.NodeID
		expiry  bool
	}{
		"a stranger in an owner's set": {func(o orderly) error { return zset(o, o.keys.Owned(0, holderA.Node), 0, stranger) }, []session.NodeID{holderA.Node}, false},
		"another's session in one":     {func(o orderly) error { return zset(o, o.keys.Owned(0, holderB.Node), 0, o.plain.ID) }, []session.NodeID{holderB.Node}, false},
		"a stranger in the expiry":     {func(o orderly) error { return zset(o, o.keys.Expiry(0), 5, stranger) }, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOrderly(t, r)
			if err := harm.do(o); err != nil {
				t.Fatal(err)
			}
			if _, holders, expiry, _ := o.glanced(t, 0); !slices.Equal(holders, harm.holders) || expiry != harm.expiry {
				t.Errorf("the sets of %v are walked, the expiry %v; want %v, %v", holders, expiry, harm.holders, harm.expiry)
			}
			if got := o.auditAll(t); got.IndexRepaired != 1 {
				t.Errorf("reported %+v", got)
			}
		})
	}
}

// A copy that was moved leaves a record behind that leads to it, for as long as tombstones are kept: that is in order, until it is due to be dropped.
func TestAGlanceKnowsWhatAMoveLeaves(t *testing.T) {
	t.Parallel()
	o := newOrderly(t, redistest.Shared(t))
	old, moved := o.ChainFor(o.plain.ID)[0], 0
	for tag := 1; tag <= keyspace.CopyTags && moved == 0; tag++ {
		if tag != old && o.apart(0, []int{tag}) {
			moved = tag
		}
	}
	for _, id := range []session.ID{o.plain.ID, o.talking.ID} {
		if done, err := o.moveCopies(t.Context(), id, []int{moved}); !done || err != nil {
			t.Fatal(done, err)
		}
	}
	if closer, holders, expiry, seen := o.glanced(t, 0); len(closer) > 0 || len(holders) > 0 || expiry || len(seen) != 13 {
		t.Errorf("%v, %v, %v, %d were seen", closer, holders, expiry, len(seen))
	}
	pointer := o.keys.Copy(o.plain.ID, old)
	for field, value := range map[string]any{fieldWrittenAt: 1, fieldChain: "5,6", fieldVersion: 1000, fieldFrom: "0"} {
		was, err := o.client.Redis().HGet(t.Context(), pointer, field).Result()
		if err != nil && err != redis.Nil {
			t.Fatal(err)
		}
		o.plant(t, pointer, []any{"HSET", field, value})
		if closer, _, _, _ := o.glanced(t, 0); !slices.Equal(closer, []session.ID{o.plain.ID}) {
			t.Errorf("with %s %v of what was left behind %v are looked at closer", field, value, closer)
		}
		o.plant(t, pointer, []any{"HSET", field, was})
	}
}

// refusing has servers refuse glances, as they do while a slot is on its way to another one.
type refusing struct{ times atomic.Int64 }

func (r *refusing) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (r *refusing) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (r *refusing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if len(cmds[0].Args()) > 1 && (cmds[0].Args()[1] == glanceScript.SHA() || cmds[0].Args()[1] == glanceSource) {
			r.times.Add(1)
			for _, cmd := range cmds {
				cmd.SetErr(errors.New("TRYAGAIN Multiple keys request during rehashing of slot"))
			}
			return cmds[0].Err()
		}
		return next(ctx, cmds)
	}
}

// Where a server cannot be asked for a glance everything is compared.
func TestAnAuditWithoutAGlance(t *testing.T) {
	t.Parallel()
	o := newOrderly(t, redistest.Shared(t))
	if err := o.client.Redis().Del(t.Context(), o.keys.Copy(o.plain.ID, o.ChainFor(o.plain.ID)[0])).Err(); err != nil {
		t.Fatal(err)
	}
	r := &refusing{}
	o.client.Redis().AddHook(r)
	if got, want := o.auditAll(t), (session.SyncReport{Records: 13, CopiesRepaired: 1}); got != want || r.times.Load() == 0 {
		t.Errorf("reported %+v, want %+v; %d glances were refused", got, want, r.times.Load())
	}
}
