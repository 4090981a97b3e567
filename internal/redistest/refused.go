package redistest

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Refused returns what the node refused its users for lack of a right, by
// ACL LOG: each entry says who was refused what. Empty is what a test of an ACL
// file hopes for.
func (n *Node) Refused(tb testing.TB) []string {
	tb.Helper()
	client := redis.NewClient(n.options())
	defer client.Close()
	entries, err := client.ACLLog(tb.Context(), 128).Result()
	if err != nil {
		tb.Fatalf("redistest: ACL LOG of %s: %v", n, err)
	}
	var refused []string
	for _, e := range entries {
		refused = append(refused, fmt.Sprintf("%s: %s %s in %s, %d times", e.Username, e.Reason, e.Object, e.Context, e.Count))
	}
	return refused
}
