package sessionstore

import (
	"errors"
	"testing"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

func TestRevocationsAreTold(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, plain := t.Context(), setup(t, r, 8)
		b := open(t, plain.client, plain.keys, Config{Node: "node-z"})
		owner := session.Holder{Node: "node-a", Incarnation: "0123456789abcdef"}
		one, other := b.create(t, "one", owner), b.create(t, "other", owner)
		if err := b.TellRevoked(ctx, session.WhyDrain, []session.Session{one, other}); err != nil {
			t.Fatal(err)
		}
		for _, is := range []session.Session{one, other} {
			if got := b.told(t, is.ID); got[len(got)-1] != "revoked 1.0 "+string(is.Owner())+" - node-z drain" {
				t.Errorf("told %q", got)
			}
		}
		p := b.keys.Partition(one.ID)
		if err := b.client.Redis().Del(ctx, b.keys.Events(p)).Err(); err != nil {
			t.Fatal(err)
		}
		if err := b.client.Redis().Set(ctx, b.keys.Events(p), "strange", 0).Err(); err != nil {
			t.Fatal(err)
		}
		var strange *session.CorruptError
		if err := b.TellRevoked(ctx, session.WhyDrain, []session.Session{one}); !errors.As(err, &strange) || strange.Key != b.keys.Events(p) {
			t.Errorf("a key of another type: %v", err)
		}
		if err := b.TellRevoked(ctx, session.WhyDrain, nil); err != nil {
			t.Errorf("of nothing: %v", err)
		}
	})
}
