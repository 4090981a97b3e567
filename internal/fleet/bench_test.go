package fleet

import (
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

// BenchmarkHandOver gives 10,000 sessions from one node to another.
func BenchmarkHandOver(b *testing.B) {
	for name, open := range map[string]func(testing.TB) redistest.Redis{
		"single":  func(t testing.TB) redistest.Redis { return redistest.Single(t) },
		"cluster": func(t testing.TB) redistest.Redis { return redistest.Shared(t) },
	} {
		b.Run(name, func(b *testing.B) {
			r, prefix := open(b), redistest.Prefix(b)
			m := join(b, r, prefix, "a", settings{maxSessions: 20_000})
			m.make(b, 10_000)
			other := join(b, r, prefix, "b", settings{maxSessions: 20_000})
			await(b, func() string {
				if len(m.registry.View().Nodes()) == 2 && len(other.registry.View().Nodes()) == 2 {
					return ""
				}
				return "they never saw each other"
			})
			for b.Loop() {
				if left := m.Retire(b.Context(), time.Minute); left != 0 {
					b.Fatalf("%d are left", left)
				}
				if _, err := m.SetState(b.Context(), m.registry.Self().Node, "ready"); err != nil {
					b.Fatal(err)
				}
				m, other = other, m
			}
		})
	}
}
