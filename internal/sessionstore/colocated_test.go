package sessionstore

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// tagOnHomesMaster returns a copy tag of the partition that lies on the same master as home.
func (b bundle) tagOnHomesMaster(t testing.TB, partition int) int {
	t.Helper()
	top := b.client.Topology()
	for tag := 1; tag <= keyspace.CopyTags; tag++ {
		if top.MasterOf(b.keys.CopySlot(partition, tag)) == top.MasterOf(b.keys.HomeSlot(partition)) {
			return tag
		}
	}
	t.Fatal("no copy tag shares home's master")
	return 0
}

// save remembers keys as they are; what it returns sets them back, to absence too.
func (b bundle) save(t testing.TB, keys ...string) func() {
	t.Helper()
	was := map[string]string{}
	for _, k := range keys {
		if dump, err := b.client.Redis().Dump(t.Context(), k).Result(); err == nil {
			was[k] = dump
		}
	}
	return func() {
		for _, k := range keys {
			b.client.Redis().Del(t.Context(), k)
			if dump, ok := was[k]; ok {
				if err := b.client.Redis().Restore(t.Context(), k, 0, dump).Err(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// What lies beside a session and is lost everywhere does not keep its copy on home's master; what is left moves along.
func TestACopyMovesWithoutWhatIsLost(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t, redistest.Shared(t), 8), t.Context()
	id := b.NewID()
	p := b.Partition(id)
	old := b.tagOnHomesMaster(t, p)
	if res := b.Create(ctx, Birth{ID: id, Draft: draft("x"), Owner: holderA, Chain: []int{old}}); res[0].Err != nil {
		t.Fatal(res[0].Err)
	}
	b.publish(t, id, saying("a", "1"))
	b.saveContext(t, id, "state")
	for _, tag := range []int{home, old} {
		if err := b.client.Redis().Del(ctx, b.placeOf(id).beside(tag)[0]).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := b.auditAll(t), (session.SyncReport{Records: 1, CopiesMoved: 1}); got != want {
		t.Fatalf("reported %+v, want %+v", got, want)
	}
	r, err := b.readHome(ctx, b.placeOf(id))
	if err != nil || !b.apart(p, r.Chain) || b.take(t, id, r.Chain[0]).context != b.take(t, id, home).context {
		t.Fatalf("chain %v, %v", r.Chain, err)
	}
	b.bare(t, id, home, r.Chain[0])
	var corrupt *session.CorruptError
	if _, err := b.Messages(ctx, id, session.MessageQuery{Limit: 1}, session.Linearizable); !errors.As(err, &corrupt) {
		t.Errorf("messages that nobody has: %v", err)
	}
	b.healthy(t, 1)
}

// first does something before the first script that a client sends and that may change something.
type first struct {
	once sync.Once
	do   func()
}

func (f *first) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (f *first) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (f *first) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if strings.HasPrefix(cmds[0].Name(), "eval") && cmds[0].Args()[1] != glanceScript.SHA() && cmds[0].Args()[1] != glanceSource {
			f.once.Do(f.do)
		}
		return next(ctx, cmds)
	}
}

// A copy that could not be moved, for the session changed meanwhile, is told of and moved by a later round.
func TestACopyThatWasNotMovedIsTold(t *testing.T) {
	t.Parallel()
	r := redistest.Shared(t)
	b, id := setup(t, r, 8), session.NewID(time.Now())
	d := damaged{bundle: b.dialed(t, r, redisx.Options{}, Config{})}
	d.made.ID = id
	res := b.Create(t.Context(), Birth{ID: id, Draft: draft("x"), Owner: holderA, Chain: []int{b.tagOnHomesMaster(t, b.Partition(id))}})
	if res[0].Err != nil {
		t.Fatal(res[0].Err)
	}
	b.client.Redis().AddHook(&first{do: func() { d.update(t) }})
	for _, want := range []session.SyncReport{{Records: 1, SharedMaster: 1}, {Records: 1, CopiesMoved: 1}, {Records: 1}} {
		got := b.auditAll(t)
		if got.CopiesRepaired = 0; got != want { // what the first attempt left at the new place
			t.Errorf("reported %+v, want %+v", got, want)
		}
	}
}

// A copy is moved off home's master, changes are acknowledged, then that one master is set back to before the move: home and the place
// where the copy was go back together, agree, and name neither the new place. What was acknowledged is found all the same.
func TestOneMasterGoesBackToBeforeAMove(t *testing.T) {
	t.Parallel()
	b := setup(t, redistest.Shared(t), 8)
	for name, then := range map[string]func(t *testing.T, id session.ID){
		"read": func(*testing.T, session.ID) {},
		"write": func(t *testing.T, id session.ID) {
			idle := session.Idle
			if _, err := b.Update(t.Context(), id, b.NewOp(), session.Patch{Status: &idle}, session.Condition{}); err != nil {
				t.Fatal(err)
			}
		},
		"takeover": func(t *testing.T, id session.ID) {
			if res := b.TakeOver(t.Context(), Takeover{ID: id, From: holderA, Epoch: 1, To: holderB}); res[0].Err != nil {
				t.Fatal(res[0].Err)
			}
		},
		"audit": func(t *testing.T, id session.ID) {
			if _, err := b.Audit(t.Context(), b.Partition(id), nil, func(session.Session) {}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := b.NewID()
			p := b.Partition(id)
			old := b.tagOnHomesMaster(t, p)
			if res := b.Create(t.Context(), Birth{ID: id, Draft: draft("x"), Owner: holderA, Chain: []int{old}}); res[0].Err != nil {
				t.Fatal(res[0].Err)
			}
			goBack := b.save(t, b.keys.Session(id), b.keys.Copy(id, old))
			if moved, err := b.moveCopies(t.Context(), id, b.chainFor(p)); err != nil || !moved {
				t.Fatal(moved, err)
			}
			for _, n := range []string{"one", "two", "acknowledged"} {
				if _, err := b.Update(t.Context(), id, b.NewOp(), session.Patch{Name: &n}, session.Condition{}); err != nil {
					t.Fatal(err)
				}
			}
			goBack()
			then(t, id)
			if got, err := b.Get(t.Context(), id, session.Linearizable); err != nil || got.Name != "acknowledged" {
				t.Fatalf("read %q, %v", got.Name, err)
			}
		})
	}
}
