package sessionstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// limit sets every server's memory limit, in bytes; 0: none. One byte is less than any server uses: it is full.
func limit(t *testing.T, r redistest.Redis, bytes int) {
	t.Helper()
	for _, n := range r.Nodes() {
		if err := n.Admin(t).ConfigSet(t.Context(), "maxmemory", fmt.Sprint(bytes)).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// noMemory fails the test unless err says that Redis is out of memory.
func noMemory(t *testing.T, what string, err error) {
	t.Helper()
	var unavailable *session.UnavailableError
	if !errors.As(err, &unavailable) || !strings.Contains(unavailable.Reason, "memory") {
		t.Errorf("%s: %v, want that redis is out of memory", what, err)
	}
}

// A full Redis takes no new sessions and no growth, and says why; what frees sessions or keeps them alive goes through.
func TestFullRedis(t *testing.T) {
	t.Parallel()
	t.Run("single", func(t *testing.T) {
		t.Parallel()
		full(t, redistest.NewServer(t))
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		full(t, redistest.NewCluster(t, redistest.Replicas(0)))
	})
}

func full(t *testing.T, r redistest.Redis) {
	b, ctx := setup(t, r, 4), t.Context()
	loadScripts(t, b.client.Redis(), sources...)
	d := damaged{bundle: b, made: b.create(t, "kept", holderA)}
	taken, deleted := b.create(t, "taken", holderA), b.create(t, "deleted", holderA)
	limit(t, r, 1)

	id := b.NewID()
	res := b.Create(ctx, Birth{ID: id, Draft: draft("new"), Owner: holderA, Chain: b.ChainFor(id)})
	noMemory(t, "create", res[0].Err)
	big := session.Patch{Config: map[string]any{"big": strings.Repeat("x", 10_000)}}
	_, err := b.Update(ctx, d.made.ID, b.NewOp(), big, session.Condition{})
	noMemory(t, "update", err)
	_, err = b.publishOne(ctx, d.made.ID, b.NewOp(), saying("a", "1"))
	noMemory(t, "publish", err)
	_, _, err = b.PutContext(ctx, d.made.ID, b.NewOp(), session.Context{Type: "t/t"}, session.Condition{})
	noMemory(t, "context", err)
	_, err = b.Claim(ctx, session.Idempotency{Key: "k", Fingerprint: "f"}, b.NewID())
	noMemory(t, "claim", err)

	if got, err := b.Get(ctx, d.made.ID, session.Linearizable); err != nil || got.Stamp != d.made.Stamp {
		t.Errorf("read: %v %v", got, err)
	}
	if res := b.TakeOver(ctx, Takeover{ID: taken.ID, From: holderA, Epoch: 1, To: holderB}); res[0].Err != nil {
		t.Errorf("takeover: %v", res[0].Err)
	}
	if _, err := b.Delete(ctx, deleted.ID, b.NewOp(), session.Condition{}, nil); err != nil {
		t.Errorf("delete: %v", err)
	}
	if b.Factor() > 1 {
		d.copy = b.chainFor(d.p())[0]
		for _, tag := range []int{d.copy, home} {
			d.do(t, "DEL", b.placeOf(d.made.ID).key(tag))
			if _, err := b.Get(ctx, d.made.ID, session.Linearizable); err != nil {
				t.Errorf("repair of place %d: %v", tag, err)
			}
		}
	}
	d.do(t, "ZREM", b.keys.Owned(d.p(), holderA.Node), string(d.made.ID))
	if got := b.auditAll(t); got.IndexRepaired != 1 {
		t.Errorf("a sync round reports %+v", got)
	}

	limit(t, r, 0)
	d.update(t)
	if got, err := b.Get(ctx, d.made.ID, session.Linearizable); err != nil || got.Stamp.Version != 1 {
		t.Errorf("afterwards: %v %v", got, err)
	}
	if _, err := b.Get(ctx, id, session.Linearizable); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("the session that was refused: %v", err)
	}
	b.healthy(t, 2)
}
