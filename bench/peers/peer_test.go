package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"sync"
	"testing"
	"time"

	"orchestrator/bench/peers/peer"
	"orchestrator/bench/peers/server"
)

// TestEveryPeerDoesTheWork holds each variant to what a store promises.
func TestEveryPeerDoesTheWork(t *testing.T) {
	t.Parallel()
	for _, v := range peer.Variants {
		t.Run(v.Peer+"/"+v.Name, func(t *testing.T) {
			t.Parallel()
			needRedis(t, v.Peer)
			store := open(t, v)
			if v.Peer == "raw" {
				return // the floor has neither condition nor owner; TestEveryPeerIsMeasured reads its records
			}
			t.Run("a second create is refused", func(t *testing.T) { secondCreate(t, store) })
			t.Run("of creates at once one is done", func(t *testing.T) { createsAtOnce(t, store) })
			t.Run("only the owner's session is taken over", func(t *testing.T) { takeOver(t, store.(peer.Taker), store) })
			if r, ok := store.(peer.Renewer); ok {
				t.Run("a lease is renewed", func(t *testing.T) { renew(t, r, store) })
			}
		})
	}
}

// open starts the variant's server and opens the store, for the time of the test.
func open(t *testing.T, v peer.Variant) peer.Store {
	t.Helper()
	s, err := server.Start(t.Context(), v.Server, t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	store, err := v.Open(t.Context(), peer.Settings{Addr: s.Addr, Owners: owners, Lease: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func create(t *testing.T, s peer.Store, id string) peer.Session {
	t.Helper()
	made := peer.Session{ID: id, Body: []byte("first"), Owner: owners[0]}
	if err := s.Create(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	return made
}

func expect(t *testing.T, s peer.Store, want peer.Session) {
	t.Helper()
	got, err := s.Read(t.Context(), want.ID)
	if err != nil || !bytes.Equal(got.Body, want.Body) || got.Owner != want.Owner {
		t.Errorf("read %q of %q, %v; want %q of %q", got.Body, got.Owner, err, want.Body, want.Owner)
	}
}

func secondCreate(t *testing.T, s peer.Store) {
	if _, err := s.Read(t.Context(), "twice"); !errors.Is(err, peer.ErrNotFound) {
		t.Errorf("read before the create: %v", err)
	}
	made := create(t, s, "twice")
	err := s.Create(t.Context(), peer.Session{ID: "twice", Body: []byte("second"), Owner: owners[1]})
	if !errors.Is(err, peer.ErrExists) {
		t.Errorf("second create: %v", err)
	}
	expect(t, s, made)
}

func createsAtOnce(t *testing.T, s peer.Store) {
	var wg sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		wg.Go(func() {
			results[i] = s.Create(t.Context(), peer.Session{ID: "raced", Body: []byte("b"), Owner: owners[i%len(owners)]})
		})
	}
	wg.Wait()
	done := 0
	for _, err := range results {
		if err == nil {
			done++
		} else if !errors.Is(err, peer.ErrExists) {
			t.Error(err)
		}
	}
	if done != 1 {
		t.Errorf("%d creates done, want 1", done)
	}
}

func takeOver(t *testing.T, taker peer.Taker, s peer.Store) {
	made := create(t, s, "taken")
	if err := taker.TakeOver(t.Context(), "taken", owners[1], owners[2]); !errors.Is(err, peer.ErrNotOwner) {
		t.Errorf("taken over from a node that does not own it: %v", err)
	}
	expect(t, s, made)
	if err := taker.TakeOver(t.Context(), "taken", owners[0], owners[1]); err != nil {
		t.Error(err)
	}
	made.Owner = owners[1]
	expect(t, s, made)
}

func renew(t *testing.T, r peer.Renewer, s peer.Store) {
	made := create(t, s, "renewed")
	for range 2 {
		if err := r.Renew(t.Context(), "renewed", owners[0]); err != nil {
			t.Error(err)
		}
	}
	expect(t, s, made)
	if err := r.Renew(t.Context(), "unknown", owners[0]); !errors.Is(err, peer.ErrNotOwner) {
		t.Errorf("renewed what is not there: %v", err)
	}
}

// TestAServerThatDoesNotComeUpSaysWhy has no directory, and then no time.
func TestAServerThatDoesNotComeUpSaysWhy(t *testing.T) {
	t.Parallel()
	if _, err := server.Start(t.Context(), peer.NATS, "/nonexistent", ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a server without a directory: %v", err)
	}
	ended := errors.New("told to end")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ended)
	dir := t.TempDir()
	if _, err := server.Start(ctx, peer.Etcd, dir, ""); !errors.Is(err, ended) {
		t.Errorf("a server after the end: %v", err)
	}
	checkEmpty(t, dir)
}
