package sessionstore

import (
	"slices"
	"time"

	"orchestrator/internal/guards"
	"orchestrator/internal/session"
)

// keptOps is how many operation ids a record remembers.
const keptOps = 32

// Record is one session's state with what the protocol needs beside it.
type Record struct {
	session.Session
	Tombstone bool
	CreateOp  string         // what a repeated create is recognised by; the same for all its attempts
	Ops       []session.OpID // the newest operations applied, oldest first; at most keptOps
	Floor     session.OpID   // the newest operation id dropped from Ops
	Chain     []int          // copy tags in the order they are written; home comes after them
	From      []int          // after a move: the chain before it
	Beside    beside
	attach    *attachment // what the change that made it does to what lies beside it; nil: nothing. It is no part of the record.
}

// exists reports whether the record stands for a live session.
func (r Record) exists() bool { return !r.Stamp.IsZero() && !r.Tombstone }

// applied reports whether op is among the operations the record remembers.
func (r Record) applied(op session.OpID) bool {
	return guards.RecognizeOps && (slices.Contains(r.Ops, op) || slices.Contains(r.Beside.Ops, op))
}

// forgotten reports whether the record can no longer tell if op was applied. Ids are UUIDs of version 7: their text sorts by time.
func (r Record) forgotten(op session.OpID) bool {
	return guards.RecognizeOps && r.Floor != "" && op <= r.Floor
}

// next returns the record as op changes it, before the change itself is made: one version on, op remembered.
func (r Record) next(op session.OpID) Record {
	n := r
	n.Stamp = session.Stamp{Epoch: r.Stamp.Epoch, Version: r.Stamp.Version + 1, Op: op}
	n.UpdatedAt = op.Born()
	n.From, n.Resource, n.attach = nil, session.Stamp{}, nil
	n.Ops, n.Floor = remember(r.Ops, r.Floor, op)
	return n
}

// remember adds an operation to those that a record keeps; floor is the newest that it does not.
func remember(ops []session.OpID, floor, op session.OpID) ([]session.OpID, session.OpID) {
	ops = append(slices.Clone(ops), op)
	if extra := len(ops) - keptOps; extra > 0 {
		floor = max(floor, slices.Max(ops[:extra]))
		ops = ops[extra:]
	}
	return ops, floor
}

// takenOver returns the record as op gives it to another holder: one epoch on.
func (r Record) takenOver(op session.OpID, to session.Holder) Record {
	n := r.next(op)
	n.Stamp.Epoch, n.Stamp.Version = r.Stamp.Epoch+1, r.Stamp.Version
	n.Holder, n.OwnedAt = to, op.Born()
	return n
}

// deleted returns the tombstone that op makes of the record: its identity and its operations, no body.
func (r Record) deleted(op session.OpID) Record {
	n := r.next(op)
	n.Tombstone = true
	n.Beside, n.attach = n.Beside.dropped(), r.dropping()
	n.Session = session.Session{ID: n.ID, Stamp: n.Stamp, Copies: n.Copies, CreatedAt: n.CreatedAt, UpdatedAt: n.UpdatedAt}
	return n
}

// moved returns the record as op moves its copies to another chain.
func (r Record) moved(op session.OpID, chain []int) Record {
	n := r.next(op)
	n.UpdatedAt, n.Ops, n.Floor = r.UpdatedAt, r.Ops, r.Floor // a move is no operation that anybody would ask about again
	n.Resource = r.ETag()                                     // nor a change of the session that a client would see
	n.Chain, n.From = chain, r.Chain
	n.Copies = len(chain)
	return n
}

// created returns the first record of a session.
func created(id session.ID, d session.Draft, createOp string, op session.OpID, to session.Holder, chain []int) Record {
	born := op.Born()
	r := Record{
		Session: session.Session{
			ID: id, Type: d.Type, Name: d.Name, Workspace: d.Workspace, Config: d.Config, Labels: d.Labels, Status: d.Status,
			Holder: to, Stamp: session.Stamp{Epoch: 1, Op: op}, Copies: len(chain), CreatedAt: born, UpdatedAt: born, OwnedAt: born,
		},
		CreateOp: createOp, Ops: []session.OpID{op}, Chain: chain,
	}
	if d.Durability != session.Acked {
		r.Durability = d.Durability
	}
	if d.TTL > 0 {
		r.ExpiresAt = born.Add(d.TTL)
	}
	return r
}

// stamped is how times are written in Redis: RFC 3339, UTC, milliseconds.
const stamped = "2006-01-02T15:04:05.000Z"

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(stamped)
}
