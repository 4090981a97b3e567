package balancer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/session"
)

// TestNothingIsPlacedOnAQuarantinedNode has the view take it for well still.
func TestNothingIsPlacedOnAQuarantinedNode(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		for _, strategy := range strategies {
			b := b.using(Config{Strategy: strategy})
			well, ill := b.register(named(string(strategy)+"-well", 6)), b.register(named(string(strategy)+"-ill", 6))
			quarantine := func(fields ...any) {
				t.Helper()
				if err := b.redis.Redis().HSet(t.Context(), b.keys.Node(ill.Node), fields...).Err(); err != nil {
					t.Fatal(err)
				}
			}
			both := []session.Node{well, ill}
			quarantine("quarantine", "2 of 2 peers: no answer")
			for _, ends := range []string{"", "tomorrow", fmt.Sprint(time.Now().Add(time.Hour).UnixMilli())} {
				quarantine("quarantineEnds", ends)
				for _, p := range b.reserve(Request{Attempts: attempts(2), Candidates: both}) {
					if p.Node.Node != well.Node {
						t.Errorf("%s: until %q: placed on %s", strategy, ends, p.Node.Node)
					}
				}
			}
			_, err := b.Reserve(t.Context(), Request{Attempts: attempts(1), Candidates: both, Prefer: session.Placement{Node: ill.Node}})
			if err == nil || !strings.Contains(err.Error(), string(ill.Node)+": is quarantined") || !strings.Contains(err.Error(), "6 of 6 sessions used") {
				t.Errorf("%s: got %v", strategy, err)
			}
			quarantine("quarantineEnds", "1")
			if got := b.reserve(Request{Attempts: attempts(1), Candidates: both}); len(got) != 1 || got[0].Node.Node != ill.Node {
				t.Errorf("%s: its quarantine has ended: %v", strategy, got)
			}
			quarantine("quarantineEnds", "", "state", "cordoned")
			if _, err := b.Reserve(t.Context(), Request{Attempts: attempts(1), Candidates: both}); err == nil || !strings.Contains(err.Error(), "is cordoned") {
				t.Errorf("%s: got %v", strategy, err)
			}
		}
	})
}
