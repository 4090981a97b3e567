// Package peer has the same small piece of work on each of the systems that ours is compared with, written as their users write it:
// make a session's record if there is none, and record who owns it under a lease; read both; give a session another owner.
package peer

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrExists is returned by Create for a session that is there already.
	ErrExists = errors.New("the session exists")
	// ErrNotFound is returned by Read for a session without a record.
	ErrNotFound = errors.New("no such session")
	// ErrNotOwner is returned by TakeOver and Renew where somebody else owns the session.
	ErrNotOwner = errors.New("the session has another owner")
)

// Session is what one create writes.
type Session struct {
	ID    string // letters, digits and dashes
	Body  []byte
	Owner string // one of Settings.Owners
}

// Store is one peer, ready for any number of callers at once.
type Store interface {
	// Create writes the record, and the owner under a lease. It returns ErrExists and changes nothing if the record is there; the raw
	// floor alone overwrites it.
	Create(ctx context.Context, s Session) error
	// Read returns the record, and its owner if one holds the lease. It is linearizable on these single servers.
	Read(ctx context.Context, id string) (Session, error)
	// Close gives back what Open took; what was written stays on the server.
	Close() error
}

// Taker is a store in which a session can be given another owner.
type Taker interface {
	// TakeOver makes to the owner, under a new lease, if from is the owner; else it returns ErrNotOwner.
	TakeOver(ctx context.Context, id, from, to string) error
}

// Renewer is a store whose users renew each session's lease themselves: nothing else renews it.
type Renewer interface {
	// Renew makes the lease as long again as it was, or returns ErrNotOwner.
	Renew(ctx context.Context, id, owner string) error
}

// Settings is what a store is opened with.
type Settings struct {
	Addr   string        // host and port of the server
	Prefix string        // of every key, where the server may hold others' keys
	Owners []string      // the nodes that own sessions
	Lease  time.Duration // how long a lease holds without renewal; from 1 s
}
