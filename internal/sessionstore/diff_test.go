package sessionstore

import (
	"maps"
	"testing"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// successors are the changes that are told to a place that holds the base by what differs.
func successors(base Record) map[string]Record {
	touched := base.next(opTwo)
	expiring, endless, relabelled := touched, touched, touched
	expiring.ExpiresAt = opTwo.Born().Add(time.Hour)
	endless.ExpiresAt = time.Time{}
	relabelled.Config, relabelled.Labels, relabelled.Status = nil, map[string]string{"a": "b"}, session.Completed
	return map[string]Record{
		"touched": touched, "expiring": expiring, "endless": endless, "relabelled": relabelled,
		"taken over": base.takenOver(opTwo, holderB), "deleted": base.deleted(opTwo),
	}
}

// The difference, laid over the base as its hash, is the successor as its hash: to the letter, whatever the two are.
func TestADiffMakesTheSuccessor(t *testing.T) {
	t.Parallel()
	squeezing := &codec{threshold: 1}
	for name, base := range goldens {
		if base.Tombstone {
			continue
		}
		for change, next := range successors(base) {
			im, err := squeezing.imageOver(next, base)
			if err != nil {
				t.Fatal(err)
			}
			got := asStored(t, base) // by a node that does not compress
			for i := 0; i < len(im.diff.fields); i += 2 {
				got[im.diff.fields[i].(string)] = im.diff.fields[i+1].(string)
			}
			for _, field := range im.diff.gone {
				delete(got, field.(string))
			}
			if want := storedBy(t, squeezing, next); !maps.Equal(got, want) {
				t.Errorf("%s, %s: got %v, want %v", name, change, got, want)
			}
			if args := im.over(session.Stamp{}); args[1] != -1 || len(args) != 2+len(im.fields) {
				t.Errorf("%s, %s: a place that holds something else is told %v", name, change, args)
			}
		}
	}
}

// Whatever a session went through, each of its records is what one that was written anew would be.
func TestRecordsHoldNothingButTheirFields(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, b := t.Context(), setup(t, r, 8)
		made := b.create(t, "one", holderA)
		hour, idle := time.Hour, session.Idle
		same := func(when string) {
			t.Helper()
			p, l := b.placeOf(made.ID), look{}
			if err := b.read(ctx, p, l, append([]int{home}, b.ChainFor(made.ID)...)...); err != nil {
				t.Fatal(err)
			}
			stands, err := p.decode(l[home])
			if err != nil {
				t.Fatal(err)
			}
			want := asStored(t, stands)
			for tag, f := range l {
				got := maps.Clone(f.fields)
				delete(got, fieldWrittenAt)
				delete(want, fieldWrittenAt)
				if !maps.Equal(got, want) {
					t.Errorf("%s: %s holds %v, want %v", when, p.key(tag), got, want)
				}
			}
		}
		same("made")
		for when, patch := range map[string]session.Patch{"with an end": {TTL: &hour}, "idle": {Status: &idle}} {
			if _, err := b.Update(ctx, made.ID, b.NewOp(), patch, session.Condition{}); err != nil {
				t.Fatal(err)
			}
			same(when)
		}
		if res := b.TakeOver(ctx, Takeover{ID: made.ID, From: holderA, Epoch: 1, To: holderB}); res[0].Err != nil {
			t.Fatal(res[0].Err)
		}
		same("taken over")
		if _, err := b.Delete(ctx, made.ID, b.NewOp(), session.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
		same("deleted")
	})
}
