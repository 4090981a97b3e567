package chainmodel

import (
	"fmt"
	"strings"
)

// Place is one location where a session's record may lie. Candidates are numbered from 0; home is the number after
// the last candidate.
type Place int

// maxPlaces bounds candidates plus home; it sizes the arrays of one look at a session.
const maxPlaces = 5

// Chain lists the places of a session's copies in the order in which a change writes them. Home is implied and always
// last, so the chain of a session without copies is empty. It is a string so that records stay comparable.
type Chain string

// chainOf builds a chain from places in write order.
func chainOf(places ...Place) Chain {
	b := make([]byte, len(places))
	for i, p := range places {
		b[i] = byte(p)
	}
	return Chain(b)
}

// Has reports whether p is one of the chain's copies.
func (c Chain) Has(p Place) bool { return strings.IndexByte(string(c), byte(p)) >= 0 }

// String names the places in write order, for traces.
func (c Chain) String() string {
	var b strings.Builder
	for i := range len(c) {
		fmt.Fprintf(&b, "c%d", c[i])
	}
	return "[" + b.String() + "]"
}

// Stamp identifies one state of a record: who may act (epoch), how often it changed besides (version), and which
// operation made it. It is compared as a whole. The zero Stamp is absence.
type Stamp struct {
	Epoch, Version int
	Op             int
}

// Rank is the number of changes behind a stamp: each raises exactly one of epoch and version by one.
func (s Stamp) Rank() int { return s.Epoch + s.Version }

// Absent reports whether the stamp is that of a record that is not there.
func (s Stamp) Absent() bool { return s == Stamp{} }

// Record is what every place of a session holds, home and copies alike.
type Record struct {
	Stamp
	Owner   int
	Tomb    bool
	Expires int   // stands for the body: a write sets it
	Chain   Chain // where the copies lie
	From    Chain // the chain before the move that made this record; the next change clears it
	Ops     string
	Floor   byte // the newest operation ever dropped from Ops

	// Ground truth for the checker, which a real record does not have: every operation applied, oldest first, and
	// the epoch under which each was.
	Log, Epochs string
}

// live reports whether the record is there and not deleted.
func (r Record) live() bool { return !r.Absent() && !r.Tomb }

// String is the record as a trace shows it.
func (r Record) String() string {
	if r.Absent() {
		return "absent"
	}
	return fmt.Sprintf("e%d v%d op%d owner%d tomb=%v %v<-%v log%v",
		r.Epoch, r.Version, r.Op, r.Owner, r.Tomb, r.Chain, r.From, []byte(r.Log))
}

// holds reports whether operation id is in ops.
func holds(ops string, id byte) bool { return strings.IndexByte(ops, id) >= 0 }
