package sessionstore

import (
	"reflect"
	"testing"

	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// A fleet in which some nodes compress and others do not is one fleet: whoever wrote a record, everybody reads it and goes on from it, and
// nothing in it is to be mended.
func TestNodesThatCompressAndOthersShareRecords(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		for _, first := range []string{"plain", "compressed"} {
			t.Run(first, func(t *testing.T) {
				t.Parallel()
				not := setup(t, r, 4)
				does := not.dialed(t, r, redisx.Options{}, Config{CompressionThreshold: 1 << 10})
				a, b := not, does
				if first == "compressed" {
					a, b = does, not
				}
				livesBetween(t, a, b, map[*Store]byte{not.Store: formatMsgpack, does.Store: formatZstd})
			})
		}
	})
}

// livesBetween takes a session through its life, a's turn and b's turn.
func livesBetween(t *testing.T, a, b bundle, format map[*Store]byte) {
	ctx, id := t.Context(), a.NewID()
	d := draft("one")
	d.Config = configured(4 << 10).Config
	wrote := func(by bundle, epoch, version uint64) {
		t.Helper()
		rec := by.whole(t, id, epoch, version) // home and copies hold the same, to the letter
		if f := by.take(t, id, home).record[fieldBlob][0]; f != format[by.Store] {
			t.Errorf("%d.%d is written in format %d, want %d", epoch, version, f, format[by.Store])
		}
		for _, reader := range []bundle{a, b} {
			for _, c := range []session.Consistency{session.Linearizable, session.Eventual} {
				got, err := reader.Get(ctx, id, c)
				if err != nil || got.Stamp != rec.Stamp || !reflect.DeepEqual(signed(got.Config), signed(d.Config)) {
					t.Errorf("%d.%d is read as %v %v", epoch, version, got, err)
				}
			}
		}
	}
	if res := a.Create(ctx, Birth{ID: id, Draft: d, Owner: holderA, Chain: a.ChainFor(id)}); res[0].Err != nil {
		t.Fatal(res[0].Err)
	}
	wrote(a, 1, 0)
	if _, err := b.Update(ctx, id, b.NewOp(), session.Patch{Status: &idle}, session.Condition{}); err != nil {
		t.Fatal(err)
	}
	wrote(b, 1, 1)
	if res := a.TakeOver(ctx, Takeover{ID: id, From: holderA, Epoch: 1, To: holderB}); res[0].Err != nil {
		t.Fatal(res[0].Err)
	}
	wrote(a, 2, 1)
	if len(a.ChainFor(id)) > 0 { // what the other node repairs stays as it was written
		key := a.keys.Copy(id, a.ChainFor(id)[0])
		if err := a.client.Redis().Del(ctx, key).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Get(ctx, id, session.Linearizable); err != nil {
			t.Fatal(err)
		}
		wrote(a, 2, 1)
	}
	if was, err := b.Delete(ctx, id, b.NewOp(), session.Condition{}, nil); err != nil || was.Holder != holderB {
		t.Fatalf("deleted %v %v", was, err)
	}
	b.whole(t, id, 2, 2)
	for _, of := range []bundle{a, b} {
		for p := range of.Partitions() {
			got, err := of.Audit(ctx, p, nil, func(session.Session) {})
			if got.Records = 0; err != nil || got != (session.SyncReport{}) {
				t.Errorf("a sync round reports %+v %v", got, err)
			}
		}
	}
}

// How many bytes must be there to be compressed has limits.
func TestCompressionThresholdHasLimits(t *testing.T) {
	t.Parallel()
	b := setup(t, redistest.Shared(t), 1)
	for threshold, allowed := range map[int]bool{-1: false, 0: true, session.MaxBlob: true, session.MaxBlob + 1: false} {
		if _, err := New(b.client, b.keys, Config{CompressionThreshold: threshold}); (err == nil) != allowed {
			t.Errorf("%d: %v", threshold, err)
		}
	}
}
