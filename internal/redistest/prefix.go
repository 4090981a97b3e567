package redistest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"testing"

	"github.com/redis/go-redis/v9"
)

// scanPage is how many keys one SCAN step looks at.
const scanPage = 1000

// Prefix returns a random key prefix, such as "t3f9a1c2", under which the test
// works. A failed test logs it; the keys are deleted from the shared topologies
// when the test ends.
func Prefix(tb testing.TB) string {
	tb.Helper()
	var b [5]byte
	_, _ = rand.Read(b[:]) // never fails
	prefix := "t" + hex.EncodeToString(b[:])
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("redistest: key prefix %s", prefix)
		}
		deletePrefix(tb, prefix)
	})
	return prefix
}

// deletePrefix removes keys from every shared server, page by page.
func deletePrefix(tb testing.TB, prefix string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), actionTimeout)
	defer cancel()
	var nodes []*Node
	if s := sharedSingle.peek(); s != nil {
		nodes = append(nodes, s.Nodes()...)
	}
	if c := sharedCluster.peek(); c != nil {
		nodes = append(nodes, c.Nodes()...)
	}
	for _, n := range nodes {
		if err := n.deletePrefix(ctx, prefix); err != nil {
			tb.Logf("redistest: keys of %s stay on %s: %v", prefix, n, err)
		}
	}
}

// deletePrefix deletes one key per command: a cluster node refuses one that
// spans slots. A replica has nothing to delete.
func (n *Node) deletePrefix(ctx context.Context, prefix string) error {
	client := redis.NewClient(n.options())
	defer client.Close()
	if role, err := client.Do(ctx, "ROLE").Slice(); err != nil || role[0] != "master" {
		return err
	}
	var cursor uint64
	for {
		keys, next, err := client.Scan(ctx, cursor, prefix+"*", scanPage).Result()
		if err != nil {
			return err
		}
		_, err = client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, k := range keys {
				p.Unlink(ctx, k)
			}
			return nil
		})
		if err != nil || next == 0 {
			return err
		}
		cursor = next
	}
}
