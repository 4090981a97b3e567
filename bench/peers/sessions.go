package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"

	"orchestrator/bench/peers/peer"
)

// owners are the nodes that sessions are given to.
var owners = []string{"node-1", "node-2", "node-3"}

// errWrong says that what was read is not what was written.
var errWrong = errors.New("read something else than was written")

// sessions are those of one run, by index.
type sessions struct{ filler []byte }

// newSessions makes records of that many bytes, of letters that do not repeat: no store may compress them away.
func newSessions(body int) sessions {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	r := rand.New(rand.NewPCG(1, 2))
	filler := make([]byte, body)
	for i := range filler {
		filler[i] = letters[r.IntN(len(letters))]
	}
	return sessions{filler}
}

// id is as long as a UUID, as real ones are.
func (sessions) id(i int) string { return fmt.Sprintf("%08x-0000-7000-8000-%012x", i, i) }

func (sessions) owner(i int) string { return owners[i%len(owners)] }

// next is who takes the session over.
func (sessions) next(i int) string { return owners[(i+1)%len(owners)] }

// at is the whole session; each record differs, for it begins with the id.
func (s sessions) at(i int) peer.Session {
	body := bytes.Clone(s.filler)
	copy(body, s.id(i))
	return peer.Session{ID: s.id(i), Body: body, Owner: s.owner(i)}
}

// check compares what was read. A store without owners, the floor, returns none.
func (s sessions) check(i int, got peer.Session, owned bool) error {
	want := s.at(i)
	if !owned {
		want.Owner = ""
	}
	if !bytes.Equal(got.Body, want.Body) || got.Owner != want.Owner {
		return fmt.Errorf("%w: session %s of owner %q, %d bytes", errWrong, got.ID, got.Owner, len(got.Body))
	}
	return nil
}
