package main

import (
	"testing"

	"github.com/redis/go-redis/v9"
)

// keys is how many keys a Redis server holds.
func keys(t *testing.T, addr string) int64 {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	n, err := client.DBSize(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	return n
}
