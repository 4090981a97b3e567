package sessionstore

import (
	"context"
	"sync"
	"time"

	"orchestrator/internal/session"
)

const (
	witnessed   = 1 << 14          // sessions whose last acknowledged operation is remembered
	witnessTime = 10 * time.Minute // for how long
)

// witness remembers, for the sessions changed last through this node, the last operation that was acknowledged. It is how the loss of
// both a session's records at once, which nothing in Redis could tell, is noticed. It is safe for concurrent use.
type witness struct {
	mu   sync.Mutex
	last map[session.ID]testimony
	ring [witnessed]session.ID // in the order of first remembering; what is overwritten is forgotten
	next int
}

type testimony struct {
	op session.OpID
	at time.Time
}

// saw notes an acknowledged operation.
func (w *witness) saw(id session.ID, op session.OpID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == nil {
		w.last = make(map[session.ID]testimony, witnessed)
	}
	if _, known := w.last[id]; !known {
		delete(w.last, w.ring[w.next])
		w.ring[w.next] = id
		w.next = (w.next + 1) % witnessed
	}
	w.last[id] = testimony{op, time.Now()}
}

// some returns up to limit of what is remembered, others each time.
func (w *witness) some(limit int) map[session.ID]session.OpID {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make(map[session.ID]session.OpID, min(limit, len(w.last)))
	for id, t := range w.last { // in random order
		if time.Since(t.at) > witnessTime {
			delete(w.last, id)
			continue
		}
		if out[id] = t.op; len(out) == limit {
			break
		}
	}
	return out
}

// forget drops what is remembered of a session, unless another operation was acknowledged since.
func (w *witness) forget(id session.ID, op session.OpID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last[id].op == op {
		delete(w.last, id)
	}
}

// verifyPage is how many acknowledged operations one call of Verify looks for.
const verifyPage = 1000

// Verify looks for operations that this node acknowledged within the last minutes, and returns the sessions whose records no longer know
// them: home and every copy went back together. Each loss is told once. Of many sessions it looks at some. The report counts what had to be
// mended to be sure.
func (s *Store) Verify(ctx context.Context) (lost []session.ID, report session.SyncReport, err error) {
	ops := s.witness.some(verifyPage)
	ids := make([]session.ID, 0, len(ops))
	for id := range ops {
		ids = append(ids, id)
	}
	homes, err := s.homes(ctx, ids)
	if err != nil {
		return nil, report, err
	}
	for _, r := range homes {
		if r.knows(ops[r.ID]) {
			delete(ops, r.ID)
		}
	}
	for id, op := range ops { // home alone may have gone back
		p := s.placeOf(id)
		if err := s.behind.wait(ctx, id); err != nil {
			return lost, report, err
		}
		if r, err := s.readHome(ctx, p); err == nil && r.knows(op) { // it was still on its way
			continue
		}
		f, repaired, err := s.settleChain(ctx, p, nil)
		if err != nil {
			return lost, report, err
		}
		countRepairs(&report, repaired)
		r := Record{}
		if !f.absent() {
			if r, err = p.decode(f); err != nil {
				continue // the sync round tells of records that cannot be read
			}
		}
		if !r.knows(op) {
			s.witness.forget(id, op)
			lost = append(lost, id)
		}
	}
	report.RolledBack = len(lost)
	return lost, report, nil
}

// knows reports whether op was applied to the record, as far as it can tell.
func (r Record) knows(op session.OpID) bool {
	return r.applied(op) || r.forgotten(op) || r.forgottenBeside(op)
}
