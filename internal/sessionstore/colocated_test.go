package sessionstore

import (
	"testing"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
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
