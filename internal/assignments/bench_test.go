package assignments

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"orchestrator/internal/session"
)

const many = 10_000

func manyHeld(b *testing.B, followers int) (*Board, []session.Assignment, []*Follower) {
	b.Helper()
	board, err := New(Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	all := make([]session.Assignment, many)
	for i := range all {
		all[i] = held(session.ID(fmt.Sprintf("%036d", i)), 1)
	}
	board.Trust(self, time.Now().Add(time.Hour))
	board.Sync(board.Begin(), self, all)
	streams := make([]*Follower, followers)
	for i := range streams {
		if streams[i], err = board.Follow(); err != nil {
			b.Fatal(err)
		}
		streams[i].take()
	}
	return board, all, streams
}

// BenchmarkSync is what a picture of 10,000 sessions costs in which nothing is new.
func BenchmarkSync(b *testing.B) {
	board, all, _ := manyHeld(b, DefaultMaxFollowers)
	for b.Loop() {
		board.Sync(board.Begin(), self, all)
	}
}

// BenchmarkHandover is what it costs to take 10,000 sessions from a follower, each acknowledged by itself.
func BenchmarkHandover(b *testing.B) {
	board, all, streams := manyHeld(b, 1)
	ids := make([]session.ID, len(all))
	for i, a := range all {
		ids[i] = a.Session.ID
	}
	for b.Loop() {
		done := make(chan int)
		go func() { done <- len(board.Revoke(b.Context(), ids...)) }()
		for range ids {
			ev, err := streams[0].Next(b.Context())
			if err != nil || ev.Kind != Revoked || board.Ack(streams[0].watcher, Released{ev.ID, ev.Epoch}) != nil {
				b.Fatal(ev, err)
			}
		}
		if n := <-done; n != many {
			b.Fatal(n)
		}
		board.Restore(ids...)
		for range ids {
			if _, err := streams[0].Next(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
}
