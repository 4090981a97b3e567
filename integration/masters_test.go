package integration

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
)

// whereabouts asks every master which records it holds, and returns for each session the masters of its home and of its copies.
func whereabouts(t testing.TB, r redistest.Redis, prefix string) (homes map[string]string, copies map[string][]string) {
	t.Helper()
	homes, copies = map[string]string{}, map[string][]string{}
	var mu sync.Mutex
	ask := func(ctx context.Context, master *redis.Client) error {
		addr := master.Options().Addr
		scan := master.Scan(ctx, 0, prefix+":*", 1000).Iterator()
		for scan.Next(ctx) {
			kind, id := kindOf(scan.Val())
			mu.Lock()
			switch kind {
			case "session":
				homes[id] = addr
			case "copy":
				copies[id] = append(copies[id], addr)
			}
			mu.Unlock()
		}
		return scan.Err()
	}
	client := r.Client(t)
	var err error
	if cluster, ok := client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(t.Context(), ask)
	} else {
		err = ask(t.Context(), client.(*redis.Client))
	}
	if err != nil {
		t.Fatal(err)
	}
	return homes, copies
}

// kindOf reads "prefix:{tag}:kind:id".
func kindOf(key string) (kind, id string) {
	_, rest, _ := strings.Cut(key, "}:")
	kind, id, _ = strings.Cut(rest, ":")
	return kind, id
}

// apart says which sessions do not have their home and exactly one copy on two masters; "" if all do.
func apart(t testing.TB, r redistest.Redis, prefix string, sessions int) string {
	t.Helper()
	homes, copies := whereabouts(t, r, prefix)
	if len(homes) != sessions {
		return fmt.Sprintf("%d homes, want %d", len(homes), sessions)
	}
	for id, home := range homes {
		other := false
		for _, addr := range copies[id] {
			other = other || addr != home
		}
		if !other {
			return fmt.Sprintf("session %s has its home on %s and copies on %v", id, home, copies[id])
		}
	}
	return ""
}
