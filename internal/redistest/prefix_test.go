package redistest_test

import (
	"fmt"
	"testing"

	"orchestrator/internal/redistest"
)

func TestPrefixesAreIsolated(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		client, kept := r.Client(t), redistest.Prefix(t)
		if err := client.Set(t.Context(), kept+":k", "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
		var gone string
		t.Run("other tests", func(t *testing.T) {
			for i := range 4 {
				t.Run(fmt.Sprint(i), func(t *testing.T) {
					t.Parallel()
					p := redistest.Prefix(t)
					if i == 0 {
						gone = p
					}
					for k := range 3000 {
						if err := client.Set(t.Context(), fmt.Sprintf("%s:{%d}", p, k), "v", 0).Err(); err != nil {
							t.Fatal(err)
						}
					}
				})
			}
		})
		if n := client.Exists(t.Context(), kept+":k").Val(); n != 1 {
			t.Error("another test's end deleted this test's key")
		}
		for k := range 3000 {
			if n := client.Exists(t.Context(), fmt.Sprintf("%s:{%d}", gone, k)).Val(); n != 0 {
				t.Fatalf("key %d of a test that ended is still there", k)
			}
		}
	})
}
