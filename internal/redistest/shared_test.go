package redistest_test

import (
	"testing"

	"orchestrator/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

func TestEachRunsOnRealServers(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, client, prefix := t.Context(), r.Client(t), redistest.Prefix(t)
		for _, key := range []string{":a", ":b", ":{c}:d", ":e"} {
			if err := client.Set(ctx, prefix+key, "v", 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := client.Get(ctx, prefix+":{c}:d").Result(); got != "v" || err != nil {
			t.Fatalf("got %q, %v", got, err)
		}
	})
}
