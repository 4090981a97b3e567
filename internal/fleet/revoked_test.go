package fleet

import (
	"fmt"
	"strings"
	"testing"

	"orchestrator/internal/redistest"
)

// Who watches hears that a session is about to move before it hears that it has.
func TestAHandOverIsToldBeforeItIsMade(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		prefix := redistest.Prefix(t)
		a := join(t, r, prefix, "a", settings{idle: true})
		is := a.make(t, 1)[0]
		join(t, r, prefix, "b", settings{idle: true})
		if _, err := a.registry.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Migrate(t.Context(), is.ID, "b"); err != nil {
			t.Fatal(err)
		}
		entries, err := a.client.Redis().XRange(t.Context(), a.keys.Events(a.keys.Partition(is.ID)), "-", "+").Result()
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, e := range entries {
			for kind, text := range e.Values {
				told = append(told, kind+" "+strings.TrimPrefix(fmt.Sprint(text), string(is.ID)+" "))
			}
		}
		want := []string{"created 1.0 a - - create", "revoked 1.0 a - - migrate", "moved 2.0 b a - migrate"}
		if fmt.Sprint(told) != fmt.Sprint(want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}
