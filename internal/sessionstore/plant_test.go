package sessionstore

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// plantEntry lists a session in a sorted set.
func (b bundle) plantEntry(tb testing.TB, key string, id session.ID) {
	tb.Helper()
	if err := b.client.Redis().ZAdd(tb.Context(), key, redis.Z{Member: string(id)}).Err(); err != nil {
		tb.Fatal(err)
	}
}
